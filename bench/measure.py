"""Everything that README's table says, measured in one go on this machine. Called by `bench/run`."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "conformance"))

import movielens  # noqa: E402
from personalize_flow import NDCG_10, Flow  # noqa: E402
from server import Server  # noqa: E402

TARGET_SECONDS = {"quickstart": 20, "movielens": 20}


def machine():
    """Processor, cores, memory and how busy it was before anything began."""
    cpu = next(line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    memory = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {"cpu": cpu, "cores": os.cpu_count(), "memoryGiB": round(memory / 2**20, 1), "loadBefore": os.getloadavg()[0]}


def build(profile):
    """Builds server and load client in one go, and gives their paths."""
    subprocess.run(["cargo", "build", "--locked", "--profile", profile, "-p", "penchant", "-p", "bench"], cwd=ROOT, check=True)
    folder = Path(os.environ["CARGO_TARGET_DIR"]) / {"dev": "debug"}.get(profile, profile)
    return folder / "penchant", folder / "bench"


def quickstart(binary, folder):
    """Seconds of `penchant quickstart` in an empty folder."""
    started = time.monotonic()
    ended = subprocess.run([binary, "quickstart"], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    took = time.monotonic() - started
    if ended.returncode != 0:
        raise SystemExit(f"penchant quickstart ended with {ended.returncode}:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return took


def idle_memory(binary, folder):
    """MiB resident of a server on an empty folder that nobody asked anything, after it came to rest."""
    server = Server(binary, folder).start()
    time.sleep(3)
    mib = server.rss_mib()
    server.stop()
    return mib


def movielens_1m(binary, load_client, folder, archive, seconds):
    """The customer's way on MovieLens 1M; then the load, on the campaign it deployed."""
    server = Server(binary, folder).start()
    try:
        data = movielens.load(archive)
        flow = Flow(server.clients(), data)
        flow.to_first_recommendation()
        flow.compare_with_popularity()
        users = folder / "users.txt"
        users.write_text("\n".join(user for user, _, _, _ in data.users[:1000]))
        command = [load_client, "load", "--json", "--endpoint", server.endpoint.removeprefix("http://")]
        command += ["--credentials", server.credentials.path, "--campaign", flow.campaigns["personal"]]
        command += ["--users", users, "--seconds", str(seconds)]
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode != 0:
            raise SystemExit(f"the load client ended with {ended.returncode}: {ended.stderr}")
        flow.figures["load"] = json.loads(ended.stdout)
        flow.figures["servingMemoryMiB"] = server.rss_mib()
        server.stop()
        return flow.figures
    finally:
        if server.process.poll() is None:
            server.kill()


def print_table(found):
    named = found["machine"]
    print(f"\nMachine: {named['cpu']}, {named['cores']} cores, {named['memoryGiB']} GiB; load before: {named['loadBefore']:.2f}.")
    print(f"Binary: profile `{found['profile']}`.\n")
    print("| what | measured | target |\n|---|---|---|")
    row = lambda what, measured, target="–": print(f"| {what} | {measured} | {target} |")
    row("`penchant quickstart` after the build", f"{found['quickstartSeconds']:.1f} s", f"under {TARGET_SECONDS['quickstart']} s")
    row("memory of an idle `penchant serve`", f"{found['idleMemoryMiB']:.0f} MiB")
    walk = found.get("movielens1m")
    if walk is None:
        row("MovieLens 1M, and GetRecommendations", "not run: ../shared/data/ml-1m is absent")
        return
    row(
        "MovieLens 1M, raw CSV in the bucket → first recommendation",
        f"{walk['csvToFirstRecommendationSeconds']:.1f} s",
        f"under {TARGET_SECONDS['movielens']} s",
    )
    for step, seconds in walk["seconds"].items():
        row(f"… {step}", f"{seconds:.2f} s")
    for recipe, metrics in walk["metrics"].items():
        row(f"NDCG@10 of {recipe}", f"{metrics[NDCG_10]:.4f}")
    load = walk["load"]
    for line in load["rows"]:
        clients, server, peer = line["clients"], line["server"], line["peer"]
        answers = f"p50 {server['p50Ms']:.2f} ms, p99 {server['p99Ms']:.2f} ms, {server['perSecond']:.0f}/s, {server['failed']} failed"
        row(f"GetRecommendations, {load['numResults']} items, {clients} client(s)", answers)
        bound = f"p50 {peer['p50Ms']:.2f} ms, p99 {peer['p99Ms']:.2f} ms, {peer['perSecond']:.0f}/s"
        row(f"… peer: a plain axum handler that gives the same {load['answerBytes']} bytes (lower bound)", bound)
        row("… ratio to the peer", f"p50 {line['p50Ratio']:.2f}, p99 {line['p99Ratio']:.2f}")
    row("memory of `penchant serve` with that campaign, after the load", f"{walk['servingMemoryMiB']:.0f} MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="quick", choices=["quick", "release", "dev"], help="which build to measure")
    parser.add_argument("--seconds", type=float, default=10, help="seconds of load for each number of clients")
    parser.add_argument("--json", type=Path, default=ROOT / "bench" / "results" / "latest.json", help="where the figures go")
    arguments = parser.parse_args()
    shared = Path(os.environ.get("PENCHANT_SHARED_DATA") or ROOT.parent / "shared" / "data")
    archive = shared / "ml-1m" / "ml-1m.zip"
    found = {"profile": arguments.profile, "machine": machine()}
    binary, load_client = build(arguments.profile)
    with tempfile.TemporaryDirectory(prefix="penchant-bench-") as folder:
        places = {name: Path(folder) / name for name in ("quickstart", "idle", "movielens")}
        for place in places.values():
            place.mkdir()
        found["quickstartSeconds"] = quickstart(binary, places["quickstart"])
        found["idleMemoryMiB"] = idle_memory(binary, places["idle"])
        if archive.is_file():
            found["movielens1m"] = movielens_1m(binary, load_client, places["movielens"], archive, arguments.seconds)
    print_table(found)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
