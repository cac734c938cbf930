// Options whose value is a secret only for some programs, and which part of the value is the secret.

export interface ProgramOption {
  readonly program: RegExp;
  /** The start of a word. The rest of the word is the value; if there is none, the next word is. */
  readonly option: RegExp;
  /** Its first group is the secret. */
  readonly secret: RegExp;
  /** A value may be @ and the name of a file. */
  readonly takesFiles?: boolean;
  /** A word with the name of a user may precede the secret. */
  readonly takesUser?: boolean;
}

const WHOLE = /^([\s\S]+)$/dg;
const AFTER_COLON = /^[^:]*:([\s\S]+)$/dg;
/** A path of Windows has a colon. */
const AFTER_FILE = /^(?:[A-Za-z]:\\[^:]*|(?![A-Za-z]:\\)[^:]*):([\s\S]+)$/dg;
const AFTER_COLON_OR_WHOLE = /^(?:[^:]*:)?([\s\S]+)$/dg;
const COOKIES = /=([^;]+)/dg;
const NONE = /(?!)()/dg;

/** The options of curl without a value, which may precede another in one word: `-sku`. */
const CURL = "^-[#0-46BfgGiIjJkKlLMnNOpqRsSvVZ]*";

export const OPTIONS: readonly ProgramOption[] = [
  { program: /^curl$/, option: new RegExp(`${CURL}[uU]`), secret: AFTER_COLON },
  { program: /^curl$/, option: /^--(?:proxy-)?user(?:=|$)/, secret: AFTER_COLON },
  { program: /^curl$/, option: new RegExp(`${CURL}E|^--(?:proxy-)?cert(?:=|$)`), secret: AFTER_FILE },
  { program: /^curl$/, option: new RegExp(`${CURL}b|^--cookie(?:=|$)`), secret: COOKIES },
  {
    program: /^curl$/,
    option: new RegExp(`${CURL}F|^--form(?:=|$)`),
    secret: NONE,
    takesFiles: true,
  },
  { program: /^(?:https?|xh)$/, option: /^(?:-a|--auth(?:=|$))/, secret: AFTER_COLON_OR_WHOLE },
  { program: /^check_(?:http|curl)$/, option: /^(?:-[ab]|--(?:proxy-)?authorization(?:=|$))/, secret: AFTER_COLON },
  { program: /^etcdctl$/, option: /^--user(?:=|$)/, secret: AFTER_COLON },
  { program: /^(?:mysql|mariadb|mycli)(?:-?[a-z]+)?$/, option: /^-p(?=.)(?!ort$)/, secret: WHOLE },
  // Makes the program ask for a password.
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
