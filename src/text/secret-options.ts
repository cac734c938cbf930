// What only some programs take for a secret: the option that stands before it, and which part of the value it is.

export interface ProgramOption {
  readonly program: RegExp;
  /** What a word begins with; the rest of the word is the value, or the next word where there is none. */
  readonly option: RegExp;
  /** Its first group is the secret. */
  readonly secret: RegExp;
  /** A value may name a file behind an @. */
  readonly takesFiles?: boolean;
  /** The name of a user may stand before the secret, as a word of its own. */
  readonly takesUser?: boolean;
}

const WHOLE = /^([\s\S]+)$/dg;
const BEHIND_COLON = /^[^:]*:([\s\S]+)$/dg;
/** Windows has a colon within its paths. */
const BEHIND_FILE = /^(?:[A-Za-z]:\\[^:]*|(?![A-Za-z]:\\)[^:]*):([\s\S]+)$/dg;
const BEHIND_COLON_OR_WHOLE = /^(?:[^:]*:)?([\s\S]+)$/dg;
const COOKIES = /=([^;]+)/dg;
const NONE = /(?!)()/dg;

/** The letters of curl that take no value, and so may stand before another: `-sku`. */
const CURL = "^-[#0-46BfgGiIjJkKlLMnNOpqRsSvVZ]*";

export const OPTIONS: readonly ProgramOption[] = [
  { program: /^curl$/, option: new RegExp(`${CURL}[uU]`), secret: BEHIND_COLON },
  { program: /^curl$/, option: /^--(?:proxy-)?user(?:=|$)/, secret: BEHIND_COLON },
  { program: /^curl$/, option: new RegExp(`${CURL}E|^--(?:proxy-)?cert(?:=|$)`), secret: BEHIND_FILE },
  { program: /^curl$/, option: new RegExp(`${CURL}b|^--cookie(?:=|$)`), secret: COOKIES },
  {
    program: /^curl$/,
    option: new RegExp(`${CURL}F|^--form(?:=|$)`),
    secret: NONE,
    takesFiles: true,
  },
  { program: /^(?:https?|xh)$/, option: /^(?:-a|--auth(?:=|$))/, secret: BEHIND_COLON_OR_WHOLE },
  { program: /^check_(?:http|curl)$/, option: /^(?:-[ab]|--(?:proxy-)?authorization(?:=|$))/, secret: BEHIND_COLON },
  { program: /^etcdctl$/, option: /^--user(?:=|$)/, secret: BEHIND_COLON },
  { program: /^(?:mysql|mariadb|mycli)(?:-?[a-z]+)?$/, option: /^-p(?=.)(?!ort$)/, secret: WHOLE },
  // Says that it is to ask for one.
  { program: /^(?:psql|pg_\w+|createdb|dropdb|vacuumdb)$/, option: /^--password$/, secret: NONE },
  { program: /^(?:redis|valkey)-cli$/, option: /^-a/, secret: WHOLE },
  { program: /^(?:echo|printf)$/, option: /^(?:AUTH|PASS)(?: +|$)/i, secret: /^([^\\\r\n]+)/dg },
  { program: /^(?:redis|valkey)-cli$/, option: /^AUTH$/i, secret: WHOLE, takesUser: true },
  {
    program: /^rabbitmqctl$/,
    option: /^(?:authenticate_user|add_user|change_password)$/,
    secret: WHOLE,
    takesUser: true,
  },
  { program: /^vault$/, option: /^login$/, secret: /^([^-=][^=]*)$/dg },
  { program: /^openssl$/, option: /^-[kK]$/, secret: WHOLE },
  { program: /^sshpass$/, option: /^-p/, secret: WHOLE },
  { program: /^ldap[a-z]+$/, option: /^-w/, secret: WHOLE },
  { program: /^mongo[a-z]*$/, option: /^-p(?!ort)/, secret: WHOLE },
  { program: /^mosquitto_[a-z]+$/, option: /^-P/, secret: WHOLE },
  { program: /^snmp[a-z]+$/, option: /^-[AXc]/, secret: WHOLE },
  { program: /^check_snmp(?:_\w+)?$/, option: /^-[AXC]/, secret: WHOLE },
  { program: /^(?:rabbitmqadmin|cqlsh)$/, option: /^-p/, secret: WHOLE },
  { program: /^(?:sqlcmd|bcp|ipmitool|tsql)$/, option: /^-P/, secret: WHOLE },
  { program: /^check_(?:mysql|mysql_query|pgsql|oracle|radius)$/, option: /^-p/, secret: WHOLE },
  { program: /^check_(?:smtp|ldaps?)$/, option: /^-P/, secret: WHOLE },
  { program: /^(?:smbclient|rpcclient|net)$/, option: /^(?:-U|--user(?:=|$))/, secret: /^[^%]*%([\s\S]+)$/dg },
  { program: /^lftp$/, option: /^(?:-u|--user(?:=|$))/, secret: /^[^,]*,([\s\S]+)$/dg },
  { program: /^sqlplus$/, option: /^(?=[^-/@][^/@]*\/)/, secret: /^[^/]*\/([^@]+)/dg },
];
