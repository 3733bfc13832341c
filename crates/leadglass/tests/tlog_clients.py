"""Third parties' clients on a ledger of ours: aics-tlog and tlog-scales, both of PyPI.

Arguments: the ledger's folder, the folder of cosigned notes, the site's vkey, the third-party witness's vkey, our
witness's vkeys (ML-DSA-44, then Ed25519).
"""

import sys
from pathlib import Path

from aics_tlog import tiles as aics_tiles
from aics_tlog import verified as aics_verified
from tlog_scales import backend, signing, tiles, tlog
from tlog_scales.reader import TilesReader

ledger, notes, site, theirs, *ours = sys.argv[1:]

# tlog-scales: the site's signature, every entry by an inclusion proof from the tiles
reader = TilesReader(backend.make_backend(ledger))
checkpoint = reader.get_checkpoint()
checkpoint.verify(signing.Vkey.from_string(site))
for index in range(checkpoint.size):
    leaf = reader.get_entry(index)
    proof = reader.get_inclusion_proof(index, checkpoint.size)
    proof.check(tiles.leaf_hash(leaf), checkpoint.root_hash)

# aics-tlog: every tile and bundle against the root
report = aics_verified.audit_tiles(aics_tiles.FileSystemTileReader(ledger), checkpoint.size, checkpoint.root_hash)
assert report is not None

# every kept note: which witness cosigned it, checked by tlog-scales
found = set()
for path in Path(notes).glob("*.cosigned"):
    note = tlog.Checkpoint.from_text(path.read_text())
    note.verify(signing.Vkey.from_string(site))
    for vkey in [theirs, *ours]:
        parsed = signing.Vkey.from_string(vkey)
        if any(parsed.match(line) for line in note.signatures):
            note.verify(parsed)
            found.add(vkey)
assert found == {theirs, *ours}, f"{len(found)} of {1 + len(ours)} keys cosigned"
print(f"all clients agree on {checkpoint.size} entries")
