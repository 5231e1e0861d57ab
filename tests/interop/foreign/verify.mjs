// Usage: node verify.mjs MODULES CERTIFICATE PROFILE=FILE...; prints true or false for each file.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { verifier } from './seal.mjs';

const [modules, certificate, ...asked] = process.argv.slice(2);
const verified = verifier(createRequire(`${resolve(modules)}/package.json`));
for (const one of asked) {
  const [profile, file] = one.split('=', 2);
  console.log(verified(readFileSync(file, 'utf8'), readFileSync(certificate), profile));
}
