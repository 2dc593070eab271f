"""What has to hold at the end."""
import collections
import statistics

# Of a run of the process: what it needs to sign in everywhere, and to fill its caches.
WARM_S = 120


def all_of(sampler, load, peer, accounts):
    last = period(sampler, sampler.kills[-1] if sampler.kills else 0, load.ended_at - sampler.began)
    quiet = [sample for sample in sampler.samples if sample["at"] > load.ended_at - sampler.began + 60]
    # Other than by a tenth, and by what a few more connections of readers take.
    flat = [flatness(last, name, slack) for name, slack in (("memory_mib", 16), ("descriptors", 100), ("tasks", 100))]
    return [
        *flat,
        *over_all_runs(sampler, load),
        leases(quiet, accounts),
        *(age(last, quiet, name) for name in ("outbox_age_s", "sent_copy_age_s", "remote_operation_age_s")),
        ("no lease of the outbox is left", quiet[-1]["outbox_leases"] == 0, quiet[-1]["outbox_leases"]),
        held(sampler),
        once(load, peer),
        ("no request was answered with 5xx", load.counts["http_5xx"] == 0, load.counts["http_5xx"]),
        ("requests of every kind were made", all(load.counts[kind] for kind in load.KINDS), {kind: load.counts[kind] for kind in load.KINDS}),
    ]


def period(sampler, begin, end):
    return [sample for sample in sampler.samples if begin + WARM_S < sample["at"] < end]


def flatness(samples, name, slack):
    """The last third of the last run beside its first third."""
    third = max(1, len(samples) // 3)
    before, after = (statistics.median(one[name] for one in part) for part in (samples[:third], samples[-third:]))
    return f"{name} is flat in the last run", after <= before * 1.1 + slack, f"{before:.0f} -> {after:.0f}"


def over_all_runs(sampler, load):
    """The first run of the process beside its last, at the same age."""
    if not sampler.kills:
        return []
    first, last = period(sampler, 0, sampler.kills[0]), period(sampler, sampler.kills[-1], load.ended_at - sampler.began)
    before, after = (statistics.median(one["memory_mib"] for one in part) for part in (first, last))
    return [("memory of the last run is that of the first", after <= before * 1.2 + 16, f"{before:.0f} -> {after:.0f} MiB")]


def leases(quiet, accounts):
    held = quiet[-1]["account_leases"]
    return "each account has its lease at the end", held == accounts, f"{held} of {accounts}"


# A queue is looked at this often where nothing tells of it: a copy for Sent that failed, each 20 s.
LOOKED_AT_S = 25


def age(last, quiet, name):
    oldest, at_end = max(one[name] for one in last), quiet[-1][name]
    return f"{name} is short", oldest < 60 and at_end < LOOKED_AT_S, f"at most {oldest:.0f} s under load, {at_end:.0f} s at the end"


def held(sampler):
    longest = max(sample["held_s"] for sample in sampler.samples)
    return "nothing holds a worker for half a second", longest < 0.5, f"{longest:.2f} s"


def once(load, peer):
    """Every letter that was taken went once; only one whose outcome nobody knows, or that was refused, may not have gone."""
    went = collections.Counter(peer.ask_json("accepted"))
    twice = [address for address, times in went.items() if times > 1]
    missing = [address for address in load.sent if not went[address]]
    open_ones = load.states_of(missing)
    lost = [address for address in missing if open_ones.get(address) in (None, "sent")]
    figure = f"{len(load.sent)} sent, {len(twice)} twice, {len(lost)} lost, {dict(collections.Counter(open_ones.values()))}"
    return "every letter went once", not twice and not lost, figure
