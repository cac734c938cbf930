# Sets text to the shell word $1 without its quotes.
_health_checker_unquote() {
  case $1 in
    [\"\']*)
      text=${1#?}
      text=${text%[\"\']}
      ;;
    *)
      # Without -r it removes backslashes.
      # shellcheck disable=SC2162
      IFS= read text <<<"$1"
      ;;
  esac
}

# Completes the last part of $current with those of "${candidates[@]}" that begin with $current.
_health_checker_reply() {
  local candidate quote='' text head
  case $part in
    [\"\']*) quote=${part:0:1} ;;
  esac
  _health_checker_unquote "${current%"$part"}"
  head=$text
  _health_checker_unquote "$part"
  for candidate in "${candidates[@]}"; do
    [[ $candidate == "$head$text"* ]] || continue
    candidate=${candidate:${#head}}
    case $quote in
      \') candidate=${candidate//\'/"'\\''"} ;;
      \") candidate=$(printf '%s' "$candidate" | sed 's/[\\"$`]/\\&/g') ;;
      *) [[ -z $candidate ]] || printf -v candidate %q "$candidate" ;;
    esac
    [[ -z $candidate ]] || COMPREPLY+=("$candidate")
  done
}

# Puts the words together again up to the cursor: bash also splits them at the characters of COMP_WORDBREAKS, such as "="
# and ":". It replaces only the last part.
_health_checker_words() {
  local line=${COMP_LINE:0:COMP_POINT} i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    if ((i == 0)) || [[ $line == [[:blank:]]* ]]; then
      line=${line#"${line%%[![:blank:]]*}"}
      words+=('')
    fi
    part=${COMP_WORDS[i]}
    ((i < COMP_CWORD)) || part=$line
    words[${#words[@]} - 1]+=$part
    line=${line#"$part"}
  done
  [[ $part != [=:@] ]] || part=''
}

# Reads the words before the cursor: sets what to the value that the last one lacks, and arguments to the number of words
# that are no options.
_health_checker_read() {
  local i word option='' text
  for ((i = first; i < last; i++)); do
    word=${words[i]}
    if [[ $word == -* ]]; then
      word=--${word#-}
      word=--${word#---}
      option=${word%%=*}
      what=''
      _health_checker_value "$command $option"
      [[ $word == *=* ]] || continue
      word=${word#*=}
    elif [[ -z $what ]]; then
      arguments=$((arguments + 1))
      continue
    fi
    what=''
    _health_checker_unquote "$word"
    [[ $option != --control-socket ]] || socket=("$option" "$text")
  done
}

_health_checker() {
  # Without compopt (bash 3.2, or outside a completion) files are completed where nothing else is.
  compopt +o default 2>/dev/null
  COMPREPLY=()

  local words=() part=''
  _health_checker_words
  local last=$((${#words[@]} - 1)) first=1 command=''
  local current=${words[last]}
  if ((last > 1)) && [[ " $_health_checker_commands " == *" ${words[1]} "* ]]; then
    command=${words[1]}
    first=2
  fi

  local what='' arguments=0 socket=() prefix=''
  _health_checker_read
  if [[ $current == --*=* ]]; then
    prefix=${current%%=*}=
    what=''
    _health_checker_value "$command ${prefix%=}"
  elif [[ $current == -* ]]; then
    _health_checker_options "$command"
  elif [[ -z $what ]] && ((last == 1)); then
    what=$_health_checker_commands
  elif [[ -z $what ]] && ((arguments == 0)); then
    _health_checker_argument "$command"
  fi
  [[ -n $what || -n $prefix ]] || _health_checker_options "$command"

  local candidates=() text word
  case $what in
    :files) compopt -o default 2>/dev/null ;;
    :folders) compopt -o dirnames 2>/dev/null ;;
    :nothing) ;;
    :checks)
      _health_checker_unquote "${words[0]}"
      while IFS= read -r word; do
        candidates+=("$word")
      done < <("${text/#\~\//$HOME/}" completions --checks ${socket[@]+"${socket[@]}"} 2>/dev/null)
      ;;
    *) for word in $what; do candidates+=("$prefix$word"); done ;;
  esac
  _health_checker_reply
}

complete -o default -F _health_checker health-checker
