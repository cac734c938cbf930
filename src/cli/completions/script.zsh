
_health-checker_checks() {
  local -a names socket
  local i
  for ((i = 2; i < CURRENT; i++)); do
    case $words[i] in
      --control-socket | -control-socket) socket=(--control-socket "${(Q)words[i + 1]}") ;;
      --control-socket=* | -control-socket=*) socket=(--control-socket "${(Q)words[i]#*=}") ;;
    esac
  done
  names=("${(@f)$("${(Q)program/#\~\//$HOME/}" completions --checks $socket 2>/dev/null)}")
  names=(${names:#})
  _wanted checks expl check compadd -a - names
}

# As a file in $fpath this is the body of the function; by `source` it only defines it.
if [[ $funcstack[1] == _health-checker ]]; then
  _health-checker "$@"
else
  compdef _health-checker health-checker
fi
