import { existsSync } from 'node:fs';
import path from 'node:path';
import { readBytes, withFile } from '../suffix/bytes.ts';

/** The commands of one saved command line, each as its words. */
export type Commands = readonly (readonly string[])[];

// A compile has about 4 kB; the list of objects in a link command is the long one.
const LINE_LIMIT = 4 * 1024 * 1024;

/**
 * The command line that kbuild saved for a target below the output folder (`savedcmd_X :=` in `.X.cmd`; `cmd_X`
 * before Linux 6.2), split into commands; undefined where there is none.
 */
export function savedCommand(output: string, target: string): Commands | undefined {
  const file = path.join(output, path.dirname(target), `.${path.basename(target)}.cmd`);
  if (!existsSync(file)) return undefined;
  const start = withFile(file, (source) =>
    readBytes(source, 0, Math.min(LINE_LIMIT, source.size)).toString(),
  );
  const line = /^(?:saved)?cmd_\S+ := (.*)$/m.exec(start);
  return line?.[1] === undefined ? undefined : splitCommands(line[1]);
}

/**
 * Splits a shell command line, as make saved it, into commands and words: quotes and backslashes are honoured, `$$`
 * is a dollar; nothing is expanded.
 */
export function splitCommands(line: string): Commands {
  const commands: string[][] = [[]];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) commands.at(-1)?.push(word);
    word = undefined;
  };
  const parts = line.matchAll(
    /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|(\s+)|(;|&&?|\|\|?)|(\$\$)|([^'"\\\s;&|$]+|.)/g,
  );
  for (const [, single, double, escaped, space, separator, dollar, plain] of parts) {
    if (space !== undefined) endWord();
    else if (separator !== undefined) {
      endWord();
      commands.push([]);
    } else {
      const piece =
        single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? (dollar ? '$' : '');
      word = (word ?? '') + piece;
    }
  }
  endWord();
  return commands.filter((words) => words.length > 0);
}

/** The form of LTO that a compile of C by clang asks for; undefined for every other command, and for no LTO. */
export function ltoInEffect(words: readonly string[]): string | undefined {
  if (!words.slice(0, 3).some((word) => /^(?:.*-)?clang(?:-[0-9]+)?$/.test(path.basename(word))))
    return undefined;
  if (words.at(-1)?.match(/\.[sS]$/)) return undefined;
  const last = words.findLast((word) => word === '-flto' || word.startsWith('-flto=') || word === '-fno-lto');
  return last === undefined || last === '-fno-lto' ? undefined : last;
}

/** The words of a link into one relocatable object (`ld -r`); undefined for every other command. */
export function relocatableLink(
  words: readonly string[],
): { readonly inputs: readonly string[] } | undefined {
  if (!/^(?:.*-)?(?:ld|ld\.lld|lld)(?:-[0-9]+)?$/.test(path.basename(words[0] ?? ''))) return undefined;
  if (!words.includes('-r')) return undefined;
  return { inputs: words.filter((word, index) => word.endsWith('.o') && words[index - 1] !== '-o') };
}
