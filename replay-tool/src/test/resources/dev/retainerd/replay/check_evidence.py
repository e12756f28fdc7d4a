"""Checks an evidence file by its description alone (docs/evidence-format.md, docs/event-format.md):
a second reader, which shares no line with rewind. Needs Python 3 and openssl."""
import base64, hashlib, json, struct, subprocess, sys, tempfile, zipfile


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def event_hash(e):
    (spans,) = struct.unpack_from(">H", e, 94)
    strings = struct.unpack_from(">5H", e, 108)
    (length,) = struct.unpack_from(">I", e, 120)
    payload = 156 + sum(strings) + 8 * spans
    end = payload + length
    redacted = e[6] == 1
    pieces, clear = [e[0:6]], 56
    for i in range(spans):
        offset, size = struct.unpack_from(">II", e, payload - 8 * spans + 8 * i)
        start = payload + offset
        pieces.append(e[clear:start])
        pieces.append(e[end + 32 * i:end + 32 * i + 32] if redacted
                      else sha(e[end:end + 16], struct.pack(">I", i), e[start:start + size]))
        clear = start + size
    pieces.append(e[clear:end])
    return sha(*pieces)


def events(data):
    at = 0
    while at < len(data):
        assert data[at:at + 4] == b"RTEV", "not an event"
        (size,) = struct.unpack_from(">I", data, at + 8)
        e = data[at:at + size]
        assert event_hash(e) == e[24:56], "an event's hash is not that of its content"
        yield struct.unpack_from(">Q", e, 56)[0], e[124:156], e[24:56]
        at += size


def root(low, high, leaves, proof):
    here = [i for i in leaves if low <= i < high]
    if not here:
        return proof.pop(0)
    if high - low == 1:
        return sha(b"\0", leaves[low])
    left = 1 << (high - low - 1).bit_length() - 1
    return sha(b"\1", root(low, low + left, leaves, proof), root(low + left, high, leaves, proof))


def signature_holds(note, key):
    body, line = note
    name, digest, typed = key.split("+", 2)
    raw = base64.b64decode(typed)[1:]
    signed = base64.b64decode(line.split(" ", 2)[2])
    assert sha((name + "\n").encode(), b"\1", raw)[:4] == signed[:4], "another key"
    with tempfile.TemporaryDirectory() as folder:
        def put(file, content):
            with open(folder + "/" + file, "wb") as out:
                out.write(content)
            return folder + "/" + file
        der = bytes.fromhex("302a300506032b6570032100") + raw
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", put("key", der), "-rawin",
             "-in", put("body", body.encode()), "-sigfile", put("sig", signed[4:])], capture_output=True).returncode == 0


def main(path):
    with zipfile.ZipFile(path) as z:
        for line in z.read("SHA256SUMS").decode().splitlines():
            want, name = line.split("  ", 1)
            assert hashlib.sha256(z.read(name)).hexdigest() == want, name + " was changed"
        manifest = json.loads(z.read("manifest.json"))
        hashes, before = {}, None
        for sequence, previous, own in events(z.read("events")):
            if before and before[0] + 1 == sequence:
                assert before[1] == previous, "the chain is broken at %d" % sequence
            assert not before or sequence > before[0]
            hashes[sequence], before = own, (sequence, own)
        assert len(hashes) == manifest["events"] and before[1].hex() == manifest["head"]
        proofs, current = {}, None
        for line in z.read("proofs").decode().splitlines():
            if line.startswith("checkpoint "):
                current = proofs.setdefault(tuple(map(int, line.split()[1:])), [])
            else:
                current.append(bytes.fromhex(line))
        key, covered = z.read("checkpoint.pub").decode().strip(), 0
        text = z.read("checkpoints").decode()
        parts, at = [], 0
        while at < len(text):
            blank = text.index("\n\n", at)
            end = text.index("\n", blank + 2)
            parts.append((text[at:blank + 1], text[blank + 2:end]))
            at = end + 1
        for body, line in parts:
            assert signature_holds((body, line), key), "a signature does not hold"
            lines = body.split("\n")
            first, last = map(int, lines[3].split()[1:])
            leaves = {s - first: h for s, h in hashes.items() if first <= s <= last}
            proof = list(proofs[(first, last)])
            assert root(0, last - first + 1, leaves, proof) == base64.b64decode(lines[2]), "another root"
            assert not proof
            covered += len(leaves)
        print("holds: %d events, %d under %d signed checkpoints" % (len(hashes), covered, len(parts)))


main(sys.argv[1])
