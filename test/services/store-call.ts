import { answerStoreCall } from '../../src/cache/github-store-child.ts';

await answerStoreCall(process.argv.slice(3));
