// node `soap`, with the WSDL alone; seal.mjs verifies the signature.
// Usage: node client.mjs task.json modules; one line of JSON per call goes to standard output.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { verifier } from './seal.mjs';

const [taskFile, modules] = process.argv.slice(2);
const need = createRequire(`${modules}/package.json`);
const soap = need('soap');
const verified = verifier(need);

const task = JSON.parse(readFileSync(taskFile, 'utf8'));
const [ca, key, certificate, signing] = ['ca', 'key', 'certificate', 'signing'].map((name) => readFileSync(task[name]));

const { Agent, get } = await import('node:https');
const wsdl = await new Promise((done, failed) =>
  get(task.wsdl, { ca }, (answer) => {
    const pieces = [];
    answer.on('data', (piece) => pieces.push(piece)).on('end', () => done(Buffer.concat(pieces).toString()));
  }).on('error', failed),
);
const { mkdtempSync, writeFileSync } = await import('node:fs');
const file = `${mkdtempSync(`${taskFile}-`)}/service.wsdl`;
writeFileSync(file, wsdl);
const client = await soap.createClientAsync(file, { forceSoap12Headers: task.soap === '1.2' });
client.setSecurity(new soap.ClientSSLSecurity(key, certificate, ca, {}));
client.addSoapHeader({ abrufkontext: task.context }, '', 'tns', task.namespace);
const [service] = Object.values(client.describe());
const port = Object.keys(service).find((name) => name.endsWith(task.soap === '1.2' ? 'Soap12' : 'Soap11'));
const [dienst] = Object.keys(client.describe());

for (const call of task.calls) {
  const said = { operation: call.operation };
  let raw;
  try {
    const answer = await new Promise((done, failed) =>
      client[dienst][port][call.operation](
        call.parameters,
        (error, result, body, header) => (error ? failed(error) : done({ result, body, header })),
      ),
    );
    raw = answer.body;
    said.protokollnummer = answer.header.quittung.protokollnummer;
    said.read = read(answer.result, call.read.split('/'));
  } catch (error) {
    if (!error.root) throw error;
    raw = error.body ?? error.response?.data;
    const fault = error.root.Envelope.Body.Fault;
    const fehler = (fault.detail ?? fault.Detail).fehler;
    said.fault = fehler.code;
    said.read = read(fehler, ['befund']);
  }
  said.verified = verified(raw, signing, task.profile);
  console.log(JSON.stringify(said));
}

/** The texts at a path of names, through lists. */
function read(value, path) {
  if (Array.isArray(value)) return value.flatMap((item) => read(item, path));
  if (value === undefined || value === null) return [];
  if (path.length === 0) return [String(value)];
  return read(value[path[0]], path.slice(1));
}
