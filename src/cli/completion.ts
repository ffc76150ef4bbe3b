/**
 * `postern completion`: what a shell completes, as a script to source. The flags are those of each command's `--help`, so
 * that no list beside it can fall behind.
 */
import { didYouMean } from "../config/did-you-mean.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT, type CliIo } from "./io.ts";

const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
const NAMES = Object.keys(SHELLS).join(", ");

const HELP = `Prints a script that completes the commands and flags of postern.

Usage:
  postern completion bash|zsh|fish

  bash   source <(postern completion bash)
  zsh    source <(postern completion zsh)
  fish   postern completion fish | source
`;

/** The words that may stand behind `postern COMMAND [ACTION]`. */
interface Words {
  /** `run`, `pki init`. */
  readonly behind: string;
  readonly flags: readonly string[];
}

export async function runCompletion(argv: readonly string[], io: CliIo): Promise<number> {
  const [shell, ...rest] = argv;
  if (shell === "--help" || shell === "-h") {
    io.stdout(HELP);
    return EXIT.ok;
  }
  if (shell === undefined || !isShell(shell) || rest.length > 0) {
    const expected = `expected one of ${NAMES}`;
    const problem =
      shell === undefined
        ? `name a shell; ${expected}`
        : isShell(shell)
          ? `unexpected argument '${rest[0]}'`
          : `unknown ${shell.startsWith("-") ? "flag" : "shell"} '${shell}'${didYouMean(shell, Object.keys(SHELLS), expected)}`;
    io.printError(`postern completion: ${problem}`);
    return EXIT.usage;
  }
  io.stdout(SHELLS[shell](await allWords(io)));
  return EXIT.ok;
}

function isShell(name: string): name is keyof typeof SHELLS {
  return Object.hasOwn(SHELLS, name);
}

async function allWords(io: CliIo): Promise<readonly Words[]> {
  const words: Words[] = [];
  for (const [name, { actions, load }] of Object.entries(COMMANDS)) {
    if (name === "completion") continue;
    const command = await load();
    for (const action of actions === undefined ? [[]] : actions.map((text) => [text])) {
      let help = "";
      await command([...action, "--help"], { ...io, stdout: (text) => (help += text) });
      const flags = [...help.matchAll(/^ {2}(--[a-z][a-z0-9-]*)/gm)].map(([, flag]) => flag!);
      words.push({ behind: [name, ...action].join(" "), flags });
    }
  }
  return words;
}

const commandNames = (): string => Object.keys(COMMANDS).join(" ");

function actionCases(): readonly (readonly [command: string, actions: string])[] {
  return Object.entries(COMMANDS).flatMap(([name, { actions }]) =>
    actions === undefined ? [] : [[name, actions.join(" ")] as const],
  );
}

/** What is no flag is left to the shell, which knows how file names are quoted. */
function bashScript(words: readonly Words[]): string {
  const cases = words.map(({ behind, flags }) => `    "${behind}") flags="${flags.join(" ")}" ;;`);
  const actions = actionCases().map(([name, list]) => `    ${name}) actions="${list}" ;;`);
  return `# bash completion of postern: source <(postern completion bash)
_postern() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" flags="" actions=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commandNames()} --help --version" -- "$word"))
    return
  fi
  case "$command" in
${actions.join("\n")}
  esac
  if [ -n "$actions" ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "$actions" -- "$word"))
      return
    fi
    command="$command \${COMP_WORDS[2]}"
  fi
  case "$command" in
${cases.join("\n")}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
  esac
}
complete -o default -F _postern postern
`;
}

/** zsh runs bash's own completions. */
function zshScript(words: readonly Words[]): string {
  return `# zsh completion of postern: source <(postern completion zsh)
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
${bashScript(words)}`;
}

function fishScript(words: readonly Words[]): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `complete -c postern -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
  );
  const actions = actionCases().map(
    ([name, list]) => `complete -c postern -n '__fish_seen_subcommand_from ${name}' -f -a ${quoted(list)}`,
  );
  const flags = words.flatMap(({ behind, flags: names }) => {
    const seen = behind
      .split(" ")
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join("; and ");
    return names.map((flag) => `complete -c postern -n '${seen}' -l ${flag.slice(2)}`);
  });
  return ["# fish completion of postern: postern completion fish | source", ...commands, ...actions, ...flags, ""].join(
    "\n",
  );
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`\'`)}'`;
}
