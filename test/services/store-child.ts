// One of several processes that use a folder store at once: store-child.ts FOLDER NAME ROUNDS
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { folderStore } from '../../src/cache/folder-store.ts';

const [folder = '', name = '', rounds = '0'] = process.argv.slice(2);
const store = folderStore({ signal: new AbortController().signal }, folder);
const made = path.join(folder, `made-${name}`);
const counts = { saved: 0, found: 0, torn: 0, reasons: [] as string[] };

for (let round = 0; round < Number(rounds); round++) {
  const text = `${name} ${round}\n`;
  mkdirSync(made);
  for (const file of ['one', 'two', 'three']) writeFileSync(path.join(made, file), text.repeat(5000));
  const key = `family-${round % 6}`;
  const saved = await store.save(key, made);
  rmSync(made, { recursive: true });
  if (saved.saved) counts.saved += 1;
  else counts.reasons.push(saved.reason);
  const result = await store.restore([`family-${(round + 3) % 6}`, 'family-']);
  if ('none' in result) {
    counts.reasons.push(result.none);
    continue;
  }
  counts.found += 1;
  // What was found must stay whole while others replace and remove it.
  await sleep(round % 5);
  const texts = ['one', 'two', 'three'].map((file) =>
    readFileSync(path.join(result.found.folder, file), 'utf8'),
  );
  if (new Set(texts).size !== 1 || texts[0]?.length !== result.found.bytes / 3) counts.torn += 1;
}
process.stdout.write(JSON.stringify(counts));
