//! THREATS: the format attack on decoders, from readers and senders who want nobody else to see pictures; and their orderly end.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::installation::{Installation, has_ended, wait_until};
use crate::threats_format::{Pictures, is_at_work, large_image};

/// How many pictures of slow frames are asked for at once.
const SLOW: usize = 6;

#[test]
fn slow_frames_of_one_study_hold_some_decoders_and_others_see_their_pictures() {
    let pictures = Pictures::new(&[large_image(71, 1, 16)]);
    let [large, small] = ["L71", "M00000001"].map(|patient| pictures.study(patient));
    let other = pictures.site.with_reader("another reader");
    pictures.shown(&small);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..SLOW {
            scope.spawn(|| {
                pictures.shown(&large);
                answered.fetch_add(1, Ordering::SeqCst);
            });
        }
        wait_until("a worker is at it", || pictures.site.workers().iter().any(is_at_work));
        let answer = pictures.ask_as(&other, &small);
        let before = answered.load(Ordering::SeqCst);
        assert_eq!(answer.status, 200, "{}", answer.json());
        println!("{before} of {SLOW} slow pictures were there before the other one");
        assert!(before <= SLOW / 2, "{before} of {SLOW} slow pictures came first");
    });
}

#[test]
fn an_interrupt_from_the_terminal_ends_everything_in_order_and_costs_no_frame() {
    let site = Installation::in_a_group_of_its_own();
    let mut pictures = Pictures::at(site, &[large_image(71, 1, 16)]);
    let [large, small] = ["L71", "M00000001"].map(|patient| pictures.study(patient));
    pictures.shown(&small);
    let workers = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pictures.ask(&large));
        let mut workers = Vec::new();
        wait_until("a worker is at it", || {
            workers = pictures.site.workers();
            workers.iter().any(is_at_work)
        });
        let said = pictures.site.log().len();
        // as Ctrl-C does: to every process of the terminal's group
        pictures.site.signal_group("INT");
        let answer = waiting.join().unwrap();
        // finished in time, or cut off at the end: never refused
        assert!(matches!(answer.status, 200 | 0), "{}", answer.status);
        (workers, said)
    });
    let (workers, said) = workers;
    let status = pictures.site.ended();
    assert_eq!(status.code(), Some(0), "{status}");
    let log = pictures.site.log()[said..].to_owned();
    for unwanted in ["a codec worker is lost", "codec worker can be started", "is started again", "ERROR", "panic"] {
        assert!(!log.contains(unwanted), "{unwanted}: {log}");
    }
    wait_until("no worker is left", || workers.iter().all(|pid| has_ended(*pid)));
}
