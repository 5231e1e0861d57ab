// node `soap` with xml-crypto: the same answer as its documentation shows it. npm has no XSD validator that needs no
// compiler, so neither request nor answer is validated here: work that all others do.
// node peer.mjs MODULES PORT WSDL PAGE KEY CERTIFICATE METHOD
import { createHash, randomBytes, randomUUID, sign } from 'node:crypto';
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const [modules, port, wsdl, page, keyFile, certificateFile, method] = process.argv.slice(2);
if (cluster.isPrimary) {
  for (let process = 0; process < 2; process++) cluster.fork();
} else {
  const need = createRequire(`${modules}/package.json`);
  const soap = need('soap');
  const { SignedXml } = need('xml-crypto');
  const { DOMParser } = need('@xmldom/xmldom');
  const [key, certificate] = [keyFile, certificateFile].map((name) => readFileSync(name));
  const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
  const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';
  const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';

  // xml-crypto knows RSA only.
  class Ecdsa {
    getSignature = (octets, privateKey) =>
      sign('sha256', Buffer.from(octets), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64');

    getAlgorithmName = () => `${MORE}ecdsa-sha256`;
  }

  // An element as node soap wants it: groups as objects, repeated fields as arrays.
  const object = (element) => {
    const found = {};
    for (const child of Array.from(element.childNodes).filter((one) => one.nodeType === 1)) {
      const groups = Array.from(child.childNodes).some((one) => one.nodeType === 1);
      (found[child.localName] ??= []).push(groups ? object(child) : child.textContent);
    }
    for (const name of Object.keys(found)) if (found[name].length === 1) [found[name]] = found[name];
    return found;
  };
  const all = object(new DOMParser().parseFromString(readFileSync(page, 'utf8'), 'text/xml').documentElement);
  const persons = [all.person].flat();
  const byKennung = new Map(persons.map((one) => [one.personenkennung, one]));

  const implementation = {
    bestandAbrufen: ({ anzahl }) => ({ ...all, person: persons.slice(0, Number(anzahl)) }),
    personAbrufen: ({ personenkennung }) => ({ person: byKennung.get(personenkennung) }),
  };
  const text = readFileSync(wsdl, 'utf8');
  const [, service] = /<wsdl:service name="([^"]+)"/.exec(text);
  const ports = [...text.matchAll(/<wsdl:port name="([^"]+)"/g)].map(([, name]) => name);
  const http = createServer((_, answer) => answer.writeHead(404).end());
  http.keepAliveTimeout = 60000;
  const services = { [service]: Object.fromEntries(ports.map((name) => [name, implementation])) };
  http.listen(Number(port), '127.0.0.1', () => {
    const [, path] = /location="https:\/\/[^/"]+([^"]+)"/.exec(text);
    const server = soap.listen(http, { path, services, xml: text, forceSoap12Headers: false });
    server.addSoapHeader(() => {
      const salt = randomBytes(32).toString('hex');
      const now = new Date().toISOString().slice(0, 19) + 'Z';
      const fields = { protokollnummer: randomUUID(), eintragsHash: salt, salt, zeitpunkt: now, anfrageDigest:
        createHash('sha256').update(salt).digest('hex'), fassung: 3, stand: now };
      const inner = Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`).join('');
      const [, namespace] = /targetNamespace="([^"]+)"/.exec(text);
      return `<quittung xmlns="${namespace}">${inner}</quittung>`;
    });
    server.on('response', (response) => {
      const signed = new SignedXml({ privateKey: key, publicCert: certificate });
      signed.SignatureAlgorithms[`${MORE}ecdsa-sha256`] = Ecdsa;
      signed.signatureAlgorithm = `${MORE}${method.startsWith('rsa') ? 'rsa' : 'ecdsa'}-sha256`;
      signed.canonicalizationAlgorithm = EXCLUSIVE;
      signed.addReference({
        xpath: '/*', uri: '', isEmptyUri: true, digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
        transforms: [`${DSIG}enveloped-signature`, EXCLUSIVE],
      });
      signed.computeSignature(response.result, { location: { reference: "//*[local-name()='Header']", action: 'append' } });
      response.result = signed.getSignedXml();
    });
  });
}
