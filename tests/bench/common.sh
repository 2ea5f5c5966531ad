# What the scripts that take figures share: sourced by them, from the repository's root, once they have set
# `seconds`, `steps` and `keep`. Wants curl and jq, and for PostgreSQL a Debian with it, or root to install it.

here=tests/bench
# On a disk, which /tmp need not be: what is measured includes writing.
work=$(mktemp -d "${BENCH_DIR:-/var/tmp}/auberge-bench.XXXXXX")
chmod 755 "$work"
figures=$work/figures.jsonl
touch "$figures"
target=${CARGO_TARGET_DIR:-target}
# What is measured; AUBERGE_BIN names one that is built already.
program=${AUBERGE_BIN:-$target/release/auberge}
postgres=

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
fail() { say "$*"; exit 1; }
wants() { [[ ,$steps, == *,$1,* ]]; }
calc() { jq -n "$1"; }

build() { # the program, unless one is given
    [[ -z ${AUBERGE_BIN:-} ]] || return 0
    say "building"
    cargo build --release --quiet --bin auberge
}

stop() { # PID: asks it to end, waits for up to 30 s, then insists
    [[ -n $1 ]] || return 0
    kill "$1" 2>/dev/null || return 0
    for _ in $(seq 300); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$1" 2>/dev/null || true
}

# A line of the table: what, ours, what it is compared with, its value, ratio, the target, and whether it is met.
figure() {
    jq -cn --arg name "$1" --arg unit "$2" --argjson ours "$3" --arg against "$4" --argjson theirs "${5:-null}" \
        --argjson ratio "${6:-null}" --arg target "$7" --argjson met "$8" \
        '{$name, $unit, $ours, $against, $theirs, $ratio, $target, $met}' >>"$figures"
}

until_ready() { # URL LOG: for up to 60 s
    for _ in $(seq 6000); do
        curl -fs -o /dev/null --max-time 5 "$1" && return 0
        sleep 0.005
    done
    fail "no answer from $1; $(tail -n 3 "$2" 2>/dev/null)"
}

told() { # FILE: a load's report in a line
    say "  $(jq -r '"\(.successes_per_second | floor)/s, p50 \(.latency_ms.p50) ms, p99 \(.latency_ms.p99) ms, longest gap \(
        .longest_gap_ms | floor) ms, \(.failed) failed \(.failures | if . == {} then "" else tostring end)"' "$1")"
}

load() { # FILE ARGUMENTS…: the report as JSON in FILE
    local file=$work/$1
    shift
    timeout $((seconds + 120)) "$program" load --json "$@" >"$file" 2>"$file.log" ||
        fail "load $* failed: $(tail -n 1 "$file.log")"
    told "$file"
}

ticks() { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f12,13 | tr ' ' + | { read -r sum; echo $((sum)); }; }
resident_mb() { calc "$(awk '/^VmRSS:/ {print $2}' "/proc/$1/status") / 1000"; }

as_postgres() { if [[ $(id -u) == 0 ]]; then (cd "$work" && runuser -u postgres -- "$@"); else "$@"; fi; }

start_postgres() {
    if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && [[ $(id -u) == 0 ]]; then
        say "installing PostgreSQL"
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q postgresql postgresql-contrib >"$work/apt.log" 2>&1 ||
            fail "apt-get did not install postgresql: $(tail -n 1 "$work/apt.log")"
    fi
    local bin
    bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1) || fail "no PostgreSQL: install it, or leave out hold"
    mkdir "$work/postgres"
    cp "$here"/postgres/*.sql "$work/postgres/"
    [[ $(id -u) != 0 ]] || chown -R postgres: "$work/postgres"
    as_postgres "$bin/initdb" -D "$work/postgres/data" -E UTF8 --locale C.UTF-8 -A trust >"$work/initdb.log"
    # The default configuration, but for where it listens.
    as_postgres "$bin/pg_ctl" -D "$work/postgres/data" -w -t 60 -l "$work/postgres/log" \
        -o "-c listen_addresses= -k $work/postgres" start >/dev/null
    postgres=$bin
    as_postgres createdb -h "$work/postgres" bench
    as_postgres timeout 300 psql -h "$work/postgres" -q -v ON_ERROR_STOP=1 -f "$work/postgres/schema.sql" bench
}

stop_postgres() {
    [[ -n $postgres ]] || return 0
    as_postgres "$postgres/pg_ctl" -D "$work/postgres/data" -m immediate -w -t 30 stop >/dev/null 2>&1 || true
    postgres=
}

pgbench_rate() { # CLIENTS: transactions a second
    as_postgres timeout $((seconds + 60)) pgbench -h "$work/postgres" -n -c "$1" -j 2 -T "$seconds" -f "$work/postgres/hold.sql" bench |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

# The transaction of a hold, alone: sets `transactions` (a second, the better of 16 and 64 clients) and `version`.
measure_postgres() {
    start_postgres
    say "PostgreSQL, 16 and 64 clients, $seconds s each"
    local with16 with64
    with16=$(pgbench_rate 16)
    say "  16 clients: $with16/s"
    with64=$(pgbench_rate 64)
    say "  64 clients: $with64/s"
    transactions=$(calc "[$with16, $with64] | max")
    version=$("$postgres/postgres" --version | sed 's/.*(PostgreSQL) \([0-9]*\).*/\1/')
    stop_postgres
}

clean_work() {
    stop_postgres
    if [[ -n $keep ]]; then say "kept: $work"; else rm -rf "$work"; fi
}

# The end: REPORT… are the loads' reports, by name. Writes $json if it is named, and prints the table.
print_figures() {
    local machine reports result
    machine=$(jq -cn --arg processor "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" --argjson cores "$(nproc)" \
        --arg file_system "$(stat -f -c %T "$work")" --arg date "$(date -u +%F)" '{$processor, $cores, $file_system, $date}')
    reports=$(for name in "$@"; do
        [[ ! -f $work/$name.json ]] || jq -c --arg name "$name" '{($name): del(.url, .gaps)}' "$work/$name.json"
    done | jq -cs 'add // {}')
    result=$(jq -s --argjson machine "$machine" --argjson reports "$reports" '{$machine, figures: ., $reports}' "$figures")
    [[ -z $json ]] || printf '%s\n' "$result" >"$json"
    jq -r '
        def shown: if . == null then "" elif . >= 100 then (round | tostring) else ((. * 100 | round) / 100 | tostring) end;
        "\(.machine.processor), \(.machine.cores) cores, \(.machine.file_system), \(.machine.date)\n",
        "| what | here | compared with | ratio | wanted |", "|---|---|---|---|---|",
        (.figures[] | "| \(.name) | \(.ours | shown) \(.unit) | \(.against)\(if .theirs != null then ": \(.theirs | shown)" else "" end) | " +
            "\(if .ratio then "\(.ratio | shown) ×" else "" end) | \(.target)\(if .met then "" else " (missed)" end) |")' <<<"$result"
    [[ -n $json ]] || printf '\n```json\n%s\n```\n' "$result"
}
