// node `strong-soap`, with the WSDL alone; seal.mjs verifies the signature. Of two ports it takes the last, SOAP 1.2.
// Usage: node client_strong.mjs task.json modules; one line of JSON per call goes to standard output.
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { createRequire } from 'node:module';
import { verifier } from './seal.mjs';

const [taskFile, modules] = process.argv.slice(2);
const need = createRequire(`${modules}/package.json`);
const { soap, QName } = need('strong-soap');
const verified = verifier(need);
const task = JSON.parse(readFileSync(taskFile, 'utf8'));
const signing = readFileSync(task.signing);

const file = `${taskFile}.wsdl`;
await new Promise((done, failed) =>
  get(task.soap === '1.2' ? task.wsdl : task.wsdl11, { ca: readFileSync(task.ca) }, (answer) => {
    const pieces = [];
    answer.on('data', (piece) => pieces.push(piece)).on('end', () => done(writeFileSync(file, Buffer.concat(pieces))));
  }).on('error', failed),
);
const client = await new Promise((done, failed) =>
  soap.createClient(file, {}, (error, made) => (error ? failed(error) : done(made))),
);
client.setSecurity(new soap.ClientSSLSecurity(task.key, task.certificate, task.ca, {}));
client.addSoapHeader(task.context, new QName(task.namespace, 'abrufkontext'));

for (const call of task.calls) {
  const said = { operation: call.operation };
  await new Promise((done) =>
    client[call.operation](call.parameters, (error, result, raw, header) => {
      if (error) {
        const fault = error.root.Envelope.Body.Fault;
        const { fehler } = fault.detail ?? fault.Detail;
        said.fault = fehler.code;
        said.read = read(fehler, ['befund']);
        said.verified = verified(error.body, signing, task.profile);
      } else {
        said.protokollnummer = header.quittung.protokollnummer;
        said.read = read(result, call.read.split('/'));
        said.verified = verified(raw, signing, task.profile);
      }
      done();
    }),
  );
  console.log(JSON.stringify(said));
}

/** The texts at a path of names, through lists. */
function read(value, path) {
  if (Array.isArray(value)) return value.flatMap((item) => read(item, path));
  if (value === undefined || value === null) return [];
  return path.length === 0 ? [String(value)] : read(value[path[0]], path.slice(1));
}
