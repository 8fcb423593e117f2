/**
 * What a shell needs to ask countersign for completions. All scripts ask
 * `countersign complete --current=WORD -- WORDS…`, where WORD is the one under the cursor (attached,
 * since PowerShell loses empty arguments), and read the lines of serializeValues.
 *
 * @packageDocumentation
 */

import { PROVIDERS } from '../../src/providers/key-uri.ts'

/** Shells that are spoken to. */
export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const

/** One of them. */
export type Shell = (typeof SHELLS)[number]

/** Before what is a path, the scheme that says so. */
function stripSchemes(): string {
  const ofPaths = PROVIDERS.filter((provider) => 'rebase' in provider)
  return ofPaths.map(({ scheme }) => `compset -P '${scheme}:'`).join('\n    ')
}

/** Completion scripts by shell; the head of each says how it is installed. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# countersign completion for bash. Install it with:
#   countersign completion bash > ~/.local/share/bash-completion/completions/countersign
# or, for this shell alone: source <(countersign completion bash)

_countersign() {
  local line=\${COMP_LINE:0:COMP_POINT} words current value prefix files=''
  read -ra words <<<"$line"
  current=''
  if [[ $line != *[[:space:]] ]]; then
    current=\${words[\${#words[@]} - 1]}
    unset "words[\${#words[@]} - 1]"
  fi
  # Bash ends words at = and : and replaces only what stands behind.
  prefix=\${current%"$2"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    case $value in
      :files) files=yes ;;
      :) ;;
      *) COMPREPLY+=("\${value#"$prefix"}") ;;
    esac
  done < <("\${words[0]/#\\~/$HOME}" complete "--current=$current" -- "\${words[@]:1}" 2>/dev/null)
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "$2")
  fi
}
complete -F _countersign countersign
`,
  zsh: `#compdef countersign
# countersign completion for zsh. Install it in a folder of your fpath:
#   countersign completion zsh > "\${fpath[1]}/_countersign"
# or, for this shell alone: source <(countersign completion zsh)

_countersign() {
  local -a lines described
  local line value
  lines=("\${(@f)$("\${words[1]}" complete "--current=$PREFIX" -- "\${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
  for line in "\${(@)lines[1,-2]}"; do
    value=\${line%%$'\\t'*}
    described+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( \${#described} )) && _describe -t values value described
  if [[ \${lines[-1]} == :files ]]; then
    compset -P '--[^=]##='
    ${stripSchemes()}
    _files
  fi
}

if [[ \${funcstack[1]} == _countersign ]]; then
  _countersign "$@"
else
  compdef _countersign countersign
fi
`,
  fish: `# countersign completion for fish. Install it with:
#   countersign completion fish > ~/.config/fish/completions/countersign.fish

function __countersign_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] complete "--current=$current" -- $words[2..-1] 2>/dev/null)
    string match --invert --regex '^:' -- $lines
    if test "$lines[-1]" = ':files'
        __fish_complete_path "$current"
    end
end

complete --command countersign --no-files --arguments '(__countersign_complete)'
`,
  powershell: `# countersign completion for PowerShell. Add it to your profile:
#   countersign completion powershell >> $PROFILE

Register-ArgumentCompleter -Native -CommandName countersign -ScriptBlock {
    param($current, $line, $cursor)
    $words = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.ToString() })
    $before = @($words | Select-Object -Skip 1)
    # Where nothing is answered, PowerShell completes names of files.
    & $words[0] complete "--current=$current" '--' @before 2>$null | Where-Object { $_ -notmatch '^:' } | ForEach-Object {
        $value, $description = $_ -split "\`t", 2
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
    }
}
`,
}
