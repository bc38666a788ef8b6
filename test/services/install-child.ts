// Run as a program of its own, for a test to kill or to starve: installs a toolchain, and says what came of it.
import { fetchKernelOrg } from '../../src/toolchain/kernel-org.ts';
import { testHost } from './host.ts';

const [cacheFolder = '', mirror = '', key = '', version = ''] = process.argv.slice(2);
const request = { version, source: 'kernel-org', mirror, key };
const result = await fetchKernelOrg(testHost({ cacheFolder }), request).then(
  ({ folder }) => ({ folder }),
  (error: Error) => ({ error: `${error.name}: ${error.message}` }),
);
process.stdout.write(`${JSON.stringify(result)}\n`);
