import { describe, expect, test } from "bun:test";
import { quote } from "../../src/text/printable.ts";
import { quoteWord, secretWords, withoutSecretWords } from "../../src/text/secret-words.ts";
import { splitWords } from "../../src/text/shell-words.ts";

const argvOf = (text: string): readonly string[] => {
  const words = splitWords(text);
  if (typeof words === "string") throw new Error(words);
  return words;
};

const sh = (text: string): readonly string[] => ["sh", "-c", text];

/** To read from each piece to the end of the text takes more: 20,000 characters in pieces of at most 16. */
const MOST_READS = 500;
const TEXT_LENGTH = 20_000;

/** How many characters `act` passes over with regular expressions and `indexOf`. */
function countSteps(act: () => void): number {
  const { exec } = RegExp.prototype;
  const { indexOf } = String.prototype;
  let steps = 0;
  RegExp.prototype.exec = function (text) {
    const start = this.global || this.sticky ? this.lastIndex : 0;
    const found = exec.call(this, text);
    const end = found ? found.index + found[0].length : this.sticky ? start : text.length;
    steps += end - start;
    return found;
  };
  String.prototype.indexOf = function (search, start = 0) {
    const found = indexOf.call(this, search, start);
    steps += (found < 0 ? this.length : found) - start;
    return found;
  };
  try {
    act();
  } finally {
    RegExp.prototype.exec = exec;
    String.prototype.indexOf = indexOf;
  }
  return steps;
}

describe("a secret word is shown as ***", () => {
  const shown: readonly (readonly [text: string, shown: string])[] = [
    ["check --password hunter2", "check --password ***"],
    ["check --password=hunter2 --port 80", "check --password=*** --port 80"],
    ["check --token abc -v", "check --token *** -v"],
    ["check -token=abc", "check -token=***"],
    ["check --secret 'two words'", "check --secret ***"],
    ["check --api-key k1 --apiKey=k2 --access_key k3", "check --api-key *** --apiKey=*** --access_key ***"],
    [
      "check --db-password p --http-passwd=q --passphrase r",
      "check --db-password *** --http-passwd=*** --passphrase ***",
    ],
    ["check --client-secret s --auth-token t", "check --client-secret *** --auth-token ***"],
    ["env PGPASSWORD=p psql -h db", "env PGPASSWORD=*** psql -h db"],
    ["env API_TOKEN=t ./check", "env API_TOKEN=*** ./check"],
    ["psql postgres://me:p%40ss@db/x", "psql postgres://me:***@db/x"],
    ["curl https://me:a@b@host/", "curl https://me:***@host/"],
    ["curl 'http://h/x?token=abc&n=1'", "curl 'http://h/x?token=***&n=1'"],
    ["curl -H 'Authorization: Bearer abc' http://h/", "curl -H 'Authorization: Bearer ***' http://h/"],
    ["curl -H 'Authorization: abc' http://h/", "curl -H 'Authorization: ***' http://h/"],
    ["curl -H 'X-Api-Key: k'", "curl -H 'X-Api-Key: ***'"],
    ["curl -H 'PRIVATE-TOKEN: k'", "curl -H 'PRIVATE-TOKEN: ***'"],
    ["curl -u me:pw http://h/", "curl -u me:*** http://h/"],
    ["curl --user me:pw http://h/", "curl --user me:*** http://h/"],
    ["/usr/bin/curl -ume:pw http://h/", "/usr/bin/curl -ume:*** http://h/"],
    ["mysql -uroot -psecret -e 'select 1'", "mysql -uroot -p*** -e 'select 1'"],
    ["mysqladmin -pX ping", "mysqladmin -p*** ping"],
    ["redis-cli -a word ping", "redis-cli -a *** ping"],
    ["sshpass -p word ssh host", "sshpass -p *** ssh host"],
    ["check_mysql -H db -u me -p word", "check_mysql -H db -u me -p ***"],
    ["openssl rsa -passin pass:word", "openssl rsa -passin pass:***"],
    ["sh -c 'check --password hunter2'", "sh -c 'check --password ***'"],
    [`sh -c 'curl -H "Authorization: Bearer abc" h'`, `sh -c 'curl -H "Authorization: Bearer ***" h'`],
    [`bash -c "sh -c 'check --token abc'"`, `bash -c 'sh -c '\\''check --token ***'\\'''`],
    ["check --password 'it'\\''s'", "check --password ***"],
  ];
  test.each(shown)("%s", (text, expected) => expect(withoutSecretWords(argvOf(text))).toBe(expected));
});

/** A command, and what is shown of it. A text is split into words; a list is the words, of which a shell may read the last. */
const hidden: readonly (readonly [command: string | readonly string[], shown: string])[] = [
  // Where a shell begins a command.
  [sh('test "$(redis-cli -a SEKRET ping)" = PONG'), `sh -c 'test "$(redis-cli -a *** ping)" = PONG'`],
  [sh("[ `redis-cli -a SEKRET ping` = PONG ]"), "sh -c '[ `redis-cli -a *** ping` = PONG ]'"],
  [sh('X="$(echo "$(redis-cli -a SEKRET x)")"'), `sh -c 'X="$(echo "$(redis-cli -a *** x)")"'`],
  [sh("(redis-cli -a SEKRET ping)"), "sh -c '(redis-cli -a *** ping)'"],
  [sh("(curl -u a:SEKRET http://x)"), "sh -c '(curl -u a:*** http://x)'"],
  [sh("A=$(curl -s -u u:SEKRET x); test -n $A"), "sh -c 'A=$(curl -s -u u:*** x); test -n $A'"],
  [sh("true;redis-cli -a SEKRET ping"), "sh -c 'true;redis-cli -a *** ping'"],
  [sh("# don't\nredis-cli -a SEKRET ping"), "sh -c '# don'\\''t\nredis-cli -a *** ping'"],
  // Where it ends a word.
  [sh("TOKEN=SEKRET; echo bad SEKRET >&2; exit 1"), "sh -c 'TOKEN=***; echo bad *** >&2; exit 1'"],
  [sh("export PGPASSWORD=SEKRET; env; exit 2"), "sh -c 'export PGPASSWORD=***; env; exit 2'"],
  [sh("curl -u a:SEKRET|grep ok"), "sh -c 'curl -u a:***|grep ok'"],
  [sh("redis-cli -a SEKRET>/dev/null 2>&1"), "sh -c 'redis-cli -a ***>/dev/null 2>&1'"],
  [sh("PGPASSWORD=SEKRET psql -h db1"), "sh -c 'PGPASSWORD=*** psql -h db1'"],
  [sh("AUTH='Bearer SEKRET' ./x"), "sh -c 'AUTH='\\''Bearer ***'\\'' ./x'"],
  ["ssh h 'redis-cli -a SEKRET ping'", "ssh h 'redis-cli -a *** ping'"],
  // Headers.
  ['wget --header="Authorization: Bearer SEKRET" x', "wget '--header=Authorization: Bearer ***' x"],
  [["wget", "--header=Authorization: Bearer SEKRET"], "wget '--header=Authorization: Bearer ***'"],
  [sh('wget --header="Authorization: Bearer SEKRET"'), `sh -c 'wget --header="Authorization: Bearer ***"'`],
  ['wget --header="X-Api-Key: SEKRET"', "wget '--header=X-Api-Key: ***'"],
  ["curl -H X-Api-Key:SEKRET", "curl -H X-Api-Key:***"],
  ["curl -HX-Api-Key:SEKRET", "curl -HX-Api-Key:***"],
  ["curl -sH 'apikey: SEKRET' x", "curl -sH 'apikey: ***' x"],
  ["curl -H 'Cookie: id=SEKRET; a=b' x", "curl -H 'Cookie: id=***; a=***' x"],
  // Options of one program.
  ["curl -su admin:SEKRET", "curl -su admin:***"],
  ["curl -sku u:SEKRET", "curl -sku u:***"],
  ["curl -sSfkuadmin:SEKRET", "curl -sSfkuadmin:***"],
  ["curl --user=u:SEKRET x", "curl --user=u:*** x"],
  ["curl -b sessionid=SEKRET h", "curl -b sessionid=*** h"],
  ["etcdctl --user root:SEKRET get", "etcdctl --user root:*** get"],
  ["etcdctl --user=root:SEKRET get", "etcdctl --user=root:*** get"],
  ["check_smtp -H h -U u -P SEKRET", "check_smtp -H h -U u -P ***"],
  ["check_ldap -H h -P SEKRET", "check_ldap -H h -P ***"],
  ["check_http -a u:SEKRET -H h", "check_http -a u:*** -H h"],
  ["cqlsh -u x -p SEKRET", "cqlsh -u x -p ***"],
  ["smbclient -U user%SEKRET //h/s", "smbclient -U user%*** //h/s"],
  ["lftp -u user,SEKRET h", "lftp -u user,*** h"],
  ["sqlplus -S user/SEKRET@db", "sqlplus -S user/***@db"],
  ["docker login -u x -p SEKRET", "docker login -u x -p ***"],
  ["redis-cli AUTH SEKRET", "redis-cli AUTH ***"],
  [sh("printf 'AUTH SEKRET\\r\\nPING\\r\\n' | nc h 1"), "sh -c 'printf '\\''AUTH ***\\r\\nPING\\r\\n'\\'' | nc h 1'"],
  [sh("echo SEKRET | docker login --password-stdin"), "sh -c 'echo *** | docker login --password-stdin'"],
  // The position of a program.
  ["/opt/check_mysql.pl -H db -u me -p SEKRET", "/opt/check_mysql.pl -H db -u me -p ***"],
  ["python3 /opt/check_pgsql.py -p SEKRET", "python3 /opt/check_pgsql.py -p ***"],
  ["mysql-8.0 -pSEKRET", "mysql-8.0 -p***"],
  ["timeout -k 1 5 redis-cli -a SEKRET", "timeout -k 1 5 redis-cli -a ***"],
  ["env A=b sudo -n -u me redis-cli -a SEKRET", "env A=b sudo -n -u me redis-cli -a ***"],
  ["nice -n 5 ionice -c 3 mysql -pSEKRET", "nice -n 5 ionice -c 3 mysql -p***"],
  ["docker exec -i -u root db mysql -pSEKRET", "docker exec -i -u root db mysql -p***"],
  ["docker compose exec -T db mysql -pSEKRET", "docker compose exec -T db mysql -p***"],
  [
    "docker run --rm --name a -e A=b mysql mysqladmin -pSEKRET",
    "docker run --rm --name a -e A=b mysql mysqladmin -p***",
  ],
  ["nsenter -t 1 -n mysql -pSEKRET", "nsenter -t 1 -n mysql -p***"],
  ["systemd-run --wait redis-cli -a SEKRET", "systemd-run --wait redis-cli -a ***"],
  ["kubectl exec db-0 -c db -- mysql -pSEKRET", "kubectl exec db-0 -c db -- mysql -p***"],
  ["ssh -p 22 h redis-cli -a SEKRET", "ssh -p 22 h redis-cli -a ***"],
  ["chroot /srv redis-cli -a SEKRET", "chroot /srv redis-cli -a ***"],
  [sh("if A=b redis-cli -a SEKRET; then :; fi"), "sh -c 'if A=b redis-cli -a ***; then :; fi'"],
  // What ends a value.
  ["x --conn 'Server=x;Password=SEKRET;Database=y'", "x --conn 'Server=x;Password=***;Database=y'"],
  ["curl 'http://x/?token=SEKRET#top'", "curl 'http://x/?token=***#top'"],
  [`x '{"password":["SEKRET","b"],"a":"c"}'`, `x '{"password":["***","***"],"a":"c"}'`],
  // Variables.
  [sh(`x \${PW:-SEKRET}`), `sh -c 'x \${PW:-***}'`],
  [sh(`: "\${PASSWORD:=SEKRET}"`), `sh -c ': "\${PASSWORD:=***}"'`],
  [sh(`TOKEN=\${T:-SEKRET} x`), `sh -c 'TOKEN=\${T:-***} x'`],
  [sh(`curl -u a:\${T:-SEKRET} x`), `sh -c 'curl -u a:\${T:-***} x'`],
  [sh(`redis-cli -a "\${T:-SEKRET}"`), `sh -c 'redis-cli -a "\${T:-***}"'`],
  [sh("PGPASSWORD=$X-SEKRET psql"), "sh -c 'PGPASSWORD=$X-*** psql'"],
  // A user and a password of any program.
  ["check_disk_smb -H h -s s -u me -p SEKRET", "check_disk_smb -H h -s s -u me -p ***"],
  ["racadm -r h -p SEKRET -u root getsysinfo", "racadm -r h -p *** -u root getsysinfo"],
  ["any --username=me -P SEKRET", "any --username=me -P ***"],
  [sh("sudo -S true <<< SEKRET"), "sh -c 'sudo -S true <<< ***'"],
  [sh('docker login --password-stdin <<<"SEKRET"'), `sh -c 'docker login --password-stdin <<<"***"'`],
  // Names.
  ["x --auth SEKRET", "x --auth ***"],
  ["x --pw SEKRET --jwt SEKRET", "x --pw *** --jwt ***"],
  ["x --key SEKRET", "x --key ***"],
  ["x --password:SEKRET", "x --password:***"],
  ["x /password SEKRET", "x /password ***"],
  ["env SECRET_KEY_BASE=SEKRET NOMAD_TOKEN=SEKRET x", "env SECRET_KEY_BASE=*** NOMAD_TOKEN=*** x"],
  // More names.
  ["mycli -uroot -pSEKRET", "mycli -uroot -p***"],
  ["redis-cli AUTH default SEKRET", "redis-cli AUTH default ***"],
  ["redis-cli HELLO 3 AUTH default SEKRET", "redis-cli HELLO 3 AUTH default ***"],
  ["redis-cli CONFIG SET requirepass SEKRET", "redis-cli CONFIG SET requirepass ***"],
  ["vault login SEKRET", "vault login ***"],
  ["rabbitmqctl authenticate_user bob SEKRET", "rabbitmqctl authenticate_user bob ***"],
  ["openssl enc -k SEKRET", "openssl enc -k ***"],
  ["aws configure set aws_secret_access_key SEKRET", "aws configure set aws_secret_access_key ***"],
  ["check_snmp_int -C SEKRET", "check_snmp_int -C ***"],
  ["curl -H 'X-Foo-Key: SEKRET' x", "curl -H 'X-Foo-Key: ***' x"],
  ["curl -H 'X-Session: SEKRET' x", "curl -H 'X-Session: ***' x"],
  ["curl -H 'X-Hub-Signature: SEKRET' x", "curl -H 'X-Hub-Signature: ***' x"],
  ["curl '--header=X-Foo-Key: SEKRET' x", "curl '--header=X-Foo-Key: ***' x"],
  ["curl 'http://h/?sig=SEKRET&X-Amz-Signature=SEKRET'", "curl 'http://h/?sig=***&X-Amz-Signature=***'"],
  ["curl 'http://h/?auth[token]=SEKRET'", "curl 'http://h/?auth[token]=***'"],
  ["curl 'http://h/?a=password%3DSEKRET'", "curl 'http://h/?a=password%3D***'"],
  ["x --password1 SEKRET", "x --password1 ***"],
  ["x --passwords SEKRET", "x --passwords ***"],
  ["x --tokens SEKRET", "x --tokens ***"],
  [
    "x --pin SEKRET --otp SEKRET --psk SEKRET --pat SEKRET --community SEKRET",
    "x --pin *** --otp *** --psk *** --pat *** --community ***",
  ],
  ["env GH_PAT=SEKRET TOKEN+=SEKRET x", "env GH_PAT=*** TOKEN+=*** x"],
  ["x 'DB_PASSWORD: SEKRET'", "x 'DB_PASSWORD: ***'"],
  ["x '<a><password>SEKRET</password></a>'", "x '<a><password>***</password></a>'"],
  ["x redis://SEKRET@h/", "x redis://***@h/"],
  ["curl -E 'C:\\a.pem:SEKRET' h", "curl -E 'C:\\a.pem:***' h"],
  // Pairs among others.
  ["curl -d 'user=x&password=SEKRET'", "curl -d 'user=x&password=***'"],
  [`curl -d '{"user":"x","password":"SEKRET"}'`, `curl -d '{"user":"x","password":"***"}'`],
  [sh('curl -d "{\\"token\\": \\"SEKRET\\"}"'), `sh -c 'curl -d "{\\"token\\": \\"***\\"}"'`],
  [["x", '--config={"token": "SEKRET"}'], `x '--config={"token": "***"}'`],
  ["x 'Server=x;Uid=u;Pwd=SEKRET;'", "x 'Server=x;Uid=u;Pwd=***;'"],
  ["x 'Endpoint=a;AccountKey=SEKRET;'", "x 'Endpoint=a;AccountKey=***;'"],
  [`python3 -c "m.connect(password='SEKRET')"`, `python3 -c 'm.connect(password='\\''***'\\'')'`],
  ["psql 'host=h password=SEKRET dbname=d'", "psql 'host=h password=*** dbname=d'"],
  ["x --dsn 'user:SEKRET@tcp(127.0.0.1:3306)/db'", "x --dsn 'user:***@tcp(127.0.0.1:3306)/db'"],
  ["curl https://SEKRET@host/", "curl https://***@host/"],
  ["curl 'http://h/?key=SEKRET&sig=SEKRET'", "curl 'http://h/?key=***&sig=***'"],
];

describe("no secret is shown, and each is searched for in the output", () => {
  test.each(hidden)("%j", (command, shown) => {
    const argv = typeof command === "string" ? argvOf(command) : command;
    expect(withoutSecretWords(argv)).toBe(shown);
    expect(secretWords(argv)).toContain("SEKRET");
  });
});

test.each([
  ["x --conn 'Server=x;Password=Hunter2,Rest9xyz;Database=y'", "Hunter2,Rest9xyz"],
  ["x 'Driver={a b};Password={SECRETxyz9;x};Database=y'", "{SECRETxyz9;x}"],
  ["x 'Server=a b; Pwd=two words; Database=y'", "two words"],
  ["curl 'http://x/?token=Hunter2(Rest9xyz)'", "Hunter2(Rest9xyz)"],
  ["curl 'http://x/?a=b&token=a,SECRETxyz9'", "a,SECRETxyz9"],
  ["curl 'http://x/?token=a;b{c}&d=e'", "a;b{c}"],
  ["psql 'host=h password=a,b(c) dbname=d'", "a,b(c)"],
  ["curl --data-raw 'password=@SEKRET' x", "@SEKRET"],
  ["curl -d 'password=@SEKRET' x", "@SEKRET"],
  ["curl -d 'user=a&password=@SEKRET' x", "@SEKRET"],
])("the whole of a value is a secret: %s", (text, secret) => {
  expect(secretWords(argvOf(text))).toContain(secret);
  const shown = withoutSecretWords(argvOf(text)) ?? "";
  expect(shown).toBe(
    argvOf(text)
      .map((word) => quoteWord(word).replace(secret, "***"))
      .join(" "),
  );
});

test("a dollar and an @ are plain characters of a secret unless a shell or curl reads them", () => {
  expect(secretWords(["x", "--password", "@SEKRET"])).toEqual(["@SEKRET"]);
  expect(secretWords(["x", "--password=$SEKRET"])).toEqual(["$SEKRET"]);
  expect(secretWords(sh("x --password '$SEKRET'"))).toContain("$SEKRET");
});

test.each([
  ["x --password /etc/app/S", "/etc/app/S"],
  ["x --token /aB3+x/9=", "/aB3+x/9="],
  ["x --pin 1234", "1234"],
  [`mysql -e "ALTER USER a IDENTIFIED BY 'a,b c'"`, "a,b c"],
  [`psql -c "ALTER ROLE a PASSWORD 'a,b c'"`, "a,b c"],
  ["x ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"],
  ["x xoxb-1234567890-abcdefghij", "xoxb-1234567890-abcdefghij"],
  ["x AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
])("%s has a secret", (text, secret) => {
  expect(secretWords(argvOf(text))).toContain(secret);
  expect(withoutSecretWords(argvOf(text))).not.toContain(secret);
});

test("a secret is redacted at its place, and not within another word", () => {
  expect(withoutSecretWords(argvOf("x --password word --wordy a"))).toBe("x --password *** --wordy a");
  expect(withoutSecretWords(argvOf("x --password x"))).toBe("x --password ***");
});

describe("a command without a secret is shown unchanged", () => {
  test.each([
    "check --password-file /run/password",
    "check --token-path=/run/token",
    "check --password --port 80",
    "check --no-proxy --bypass 127.0.0.1",
    "docker exec -u 1000:1000 web true",
    "mysql -p -e 'select 1'",
    "sh -c 'check --password $PASSWORD'",
    "sh -c 'check --token=\"$(cat /run/token)\"'",
    "curl -d @file http://h/",
    "curl http://user@h/ 'http://h/?q=1'",
    "test -e /run/token",
    "check_disk -w 10% -c 5% -p /var/lib/mongodb -p /backup",
    "check_procs -C snmpd -w 1: -c 1:5",
    "check_http -H h -u /login -p 8443",
    "journalctl -u mongod -p err",
    "systemctl show mysql -pActiveState",
    "systemctl --user show x -p ActiveState",
    "ssh mongo -p 2222 uptime",
    "docker exec mongo pg_isready -p 5432",
    "docker run -u me -p 8080:80 -p 53:53/udp x",
    "sudo -u me mkdir -p a",
    "rsync -u -P a b",
    "docker run --rm mysql -p 80:80",
    "mysqladmin -port",
    "check_http -H h -p 8080",
    "nc -z localhost 80",
    "python3 -c 'print(1)'",
    "grep -q 'Status: ok' /tmp/x",
    "redis-cli -p 6379 ping",
    "check_imap -H h -p 2525",
    "check_pop -H h -p 2525",
    "check_smtp -p 2525",
    "check_ftp -p 2525",
    "check_ldap -H h -p 389",
    "check_tcp -H mongo -p 27017",
    "mongo -port 27017",
    "psql --no-password -h 127.0.0.1",
    "psql --no-password postgres",
    "psql --password postgres",
    "env PWD=/opt/app x",
    "env OLDPWD=/x y",
    "env PASS=0 x",
    "x --min-pass 30",
    "grep -q 'password: ok' /tmp/x",
    "curl --cookie /tmp/jar h",
    "curl -b jar.txt -c jar.txt h",
    "curl --user-agent foo:bar h",
    "curl --cert a.pem --key b.pem h",
    "curl -F 'token=@/run/t' h",
    "curl http://token:8080/",
    "docker run -p 8080:80 image:tag@sha256:abc",
    "git clone git@github.com:a/b",
    "sort --key=2,2 f",
    "openssl x -pass file:/run/p -passin env:V",
    `sh -c 'TOKEN=$(cat /run/t); curl -H "Authorization: Bearer $TOKEN" h'`,
    `sh -c 'curl -u "me:$PW" h; curl -u me:\`cat x\` h'`,
    `sh -c 'redis-cli -a "$P" ping | grep -q PONG'`,
    `sh -c 'read -r token < /run/t; test -n "$token"'`,
    `sh -c 'x \${PW:-} \${TOKEN:-$T} \${PORT:-80} \${PATH:-/bin}'`,
    `sh -c 'TOKEN=$HOME/x; TOKEN=$A.$B; TOKEN="\${A}$B" y'`,
    "curl --json @/run/body h",
    `sh -c 'sudo -S true <<< "$P"; grep -q a <<< text'`,
    "redis-cli GET auth:status",
    "redis-cli EXISTS auth:sessions",
    "x --auth=ldap",
    "x --auth kerberos",
    "x --signature sha256",
    "x --cookie session",
    "x --key status",
    "etcdctl get --key=foo",
    "curl 'http://h/?key=status'",
    "sh -c 'key=users; redis-cli exists $key'",
    "x --private-key /root/.ssh/id_ed25519",
    "x --token /etc/app/token",
    "x --secret /run/secrets/db",
    "x time:12:30@utc",
    "curl -E 'C:\\certs\\client.pem'",
    "curl https://monitoring@host/x",
    "curl 'http://h/?code=200'",
    "x --max-tokens 512",
    "x --compat yes",
    "curl -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZQ==' h",
    "curl -H 'Idempotency-Key: a' h",
    "env AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE x",
    "redis-cli SET a b",
    "vault login -method=userpass username=a",
    "openssl x509 -in a.pem",
    "redis-cli -u redis://default@h/",
    `sh -c 'echo "cannot get token: missing"'`,
  ])("%s", (text) => {
    expect(withoutSecretWords(argvOf(text))).toBeUndefined();
    expect(secretWords(argvOf(text))).toEqual([]);
  });
});

test.each([
  "token=",
  "token:",
  "a=",
  "://",
  "a:b@",
  "$(",
  "`",
  "(",
  '"',
  "'a\"",
  "curl -u a:b;",
  "cookie: a=b;",
  "key = '",
  "Authorization:",
  `\${PW:-`,
  `\${`,
  '"token":[',
  "token={",
  "?token=",
  "a=b;token={",
  "-- ",
  "sudo ",
  "env -u ",
  "-u a -p b ",
  "<token>",
  "ghp_",
  "IDENTIFIED WITH ",
  "set token ",
  "1.",
])("a text of %j alone is read a bounded number of times", (piece) => {
  const text = piece.repeat(TEXT_LENGTH / piece.length);
  const steps = countSteps(() => {
    expect(secretWords(sh(text)).length).toBeLessThan(1000);
    expect(secretWords([text, ` ${text}`]).length).toBeLessThan(1000);
    expect(quote(text).length).toBeLessThan(200);
  });
  expect(steps).toBeGreaterThan(text.length);
  expect(steps).toBeLessThan(MOST_READS * text.length);
});

test("a command whose quotes are not closed is quoted up to its secret", () => {
  expect(quote("check --password 'two words")).toBe(`"check --password '***"`);
  expect(quote("check --password=hunter2 --port 80")).toBe('"check --password=*** --port 80"');
  expect(quote('curl --header "Authorization: Bearer SEKRET http://x')).toBe(
    JSON.stringify('curl --header "Authorization: Bearer ***'),
  );
});
