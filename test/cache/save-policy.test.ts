import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { whySavingIsOff } from '../../src/cache/save-policy.ts';
import type { CacheUse } from '../../src/values/cache.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'save-policy-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function eventFile(text: string): string {
  const file = path.join(mkdtempSync(path.join(folder, 'event-')), 'event.json');
  writeFileSync(file, text);
  return file;
}

const EVENT = eventFile(JSON.stringify({ repository: { default_branch: 'trunk' } }));

function why(use: CacheUse, changes: Record<string, string | undefined> = {}): string | undefined {
  return whySavingIsOff(use, {
    GITHUB_ACTIONS: 'true',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_EVENT_PATH: EVENT,
    GITHUB_REF: 'refs/heads/trunk',
    ...changes,
  });
}

describe('Whether a run saves', () => {
  it('is yes on the default branch, for a push, a schedule and a dispatch', () => {
    for (const GITHUB_EVENT_NAME of ['push', 'schedule', 'workflow_dispatch']) {
      assert.equal(why('auto', { GITHUB_EVENT_NAME }), undefined);
    }
  });

  it('is no on another ref, which is named', () => {
    for (const GITHUB_REF of ['refs/heads/main', 'refs/tags/trunk', 'refs/heads/trunk/x', 'trunk']) {
      const text = `${GITHUB_REF} is not the default branch (trunk); cache: always would save`;
      assert.equal(why('auto', { GITHUB_REF, GITHUB_EVENT_NAME: 'workflow_dispatch' }), text);
    }
    assert.match(why('auto', { GITHUB_REF: undefined }) ?? '', /a run without GITHUB_REF/);
  });

  it('is no for a pull request and a merge queue, whatever the ref', () => {
    for (const GITHUB_EVENT_NAME of ['pull_request', 'pull_request_target', 'merge_group']) {
      const text = `an event ${GITHUB_EVENT_NAME} saves nothing; cache: always would`;
      assert.equal(why('auto', { GITHUB_EVENT_NAME }), text);
      assert.equal(why('always', { GITHUB_EVENT_NAME }), undefined);
    }
  });

  it('is yes for always and on a terminal, and no for read-only and off anywhere', () => {
    assert.equal(why('always', { GITHUB_REF: 'refs/heads/main' }), undefined);
    for (const GITHUB_ACTIONS of ['true', undefined]) {
      assert.equal(why('read-only', { GITHUB_ACTIONS }), 'the cache is read-only by request');
      assert.equal(why('off', { GITHUB_ACTIONS }), 'the cache is off');
    }
    assert.equal(why('auto', { GITHUB_ACTIONS: undefined, GITHUB_EVENT_PATH: undefined }), undefined);
  });

  it('is no, with the reason, where the event cannot tell', () => {
    const large = eventFile('{');
    truncateSync(large, 33 * 1024 * 1024);
    const cases: readonly (readonly [string | undefined, RegExp])[] = [
      [undefined, /GITHUB_EVENT_PATH is not set/],
      [path.join(folder, 'none.json'), /ENOENT/],
      [folder, /EISDIR/],
      [eventFile(''), /JSON/],
      [eventFile('null'), /names no repository\.default_branch/],
      [eventFile('{"repository":{"default_branch":["trunk"]}}'), /names no repository\.default_branch/],
      [eventFile('{"repository":{"default_branch":"a\\nb"}}'), /names no repository\.default_branch/],
      [large, /more than 33554432 bytes/],
    ];
    for (const [GITHUB_EVENT_PATH, reason] of cases) {
      const text = why('auto', { GITHUB_EVENT_PATH }) ?? '';
      assert.match(text, reason);
      assert.match(text, /^the default branch is not known \(.*\); cache: always would save$/);
    }
  });
});
