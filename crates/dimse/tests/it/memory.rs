//! What an object of any size costs in memory.

use archive::IntakeSettings;
use dimse::Settings;
use dimse::sender::{Outgoing, Sender};

use crate::objects::{CT, EXPLICIT, Object};
use crate::server::TestServer;

/// The most memory that this process has used so far, in KiB (`VmHWM` of proc(5)); `None` where there is no /proc.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[test]
fn a_multi_frame_object_of_128_mib_costs_the_memory_of_a_few_buffers() {
    const FRAMES: u32 = 256;
    let server = TestServer::with(Settings::default(), IntakeSettings::default());
    let object = Object { frames: FRAMES, rows: 512, columns: 512, ..Object::new(1, 1, 1) };
    let outgoing = Outgoing {
        sop_class: model::Uid::parse(CT).unwrap(),
        sop_instance: model::Uid::parse(&object.instance).unwrap(),
        transfer_syntax: model::Uid::parse(EXPLICIT).unwrap(),
        data_set: object.head(),
    };
    let mut sender = Sender::connect(server.address(), "CT1", "ANY", [outgoing.kind()]).unwrap();
    let before = peak_kib();
    let status = sender.store_pieces(&outgoing, (1..=FRAMES).map(|number| object.frame(number))).unwrap();
    assert_eq!(status, 0);
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        let grown = after - before;
        assert!(grown < 40 * 1024, "taking in 128 MiB cost {grown} KiB");
    }
    sender.release().unwrap();
    server.until_alone();

    // and it is read with as little, bit for bit
    let before = peak_kib();
    let read = server.runtime.block_on(async {
        use futures::StreamExt;
        server.handover.handover_idle().await.unwrap();
        let credential = protocol::Credential::Owner;
        let study = model::Uid::parse(&object.study).unwrap();
        let open = server.reader.open(&credential, &study, protocol::Scope::Images).await.unwrap();
        let instance = &open.instances()[0];
        let mut stored = open.stored(instance).await.unwrap();
        let (mut hasher, mut skip) = (blake3_of(), usize::try_from(instance.row.dataset_offset).unwrap());
        while let Some(block) = stored.stream.next().await {
            let block = block.unwrap();
            let passed = skip.min(block.len());
            skip -= passed;
            hasher.update(&block[passed..]);
        }
        hasher.finalize()
    });
    let mut expected = blake3_of();
    expected.update(&object.head());
    (1..=FRAMES).for_each(|number| {
        expected.update(&object.frame(number));
    });
    assert_eq!(read, expected.finalize());
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        let grown = after - before;
        assert!(grown < 24 * 1024, "reading 128 MiB cost {grown} KiB");
    }
}

fn blake3_of() -> blake3::Hasher {
    blake3::Hasher::new()
}
