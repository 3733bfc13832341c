//! Ranges of leaked passwords, asked of a service: what leaves, and that nothing that it answers keeps anybody from signing in.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::browser::Browser;
use crate::installation::{Installation, PASSPHRASE};
use crate::threats_leaks::{add, set_password, sha1, sign_in, token};

const PASSWORD: &str = "vortrag kastanie 41 regal";
const EMAIL: &str = "anna@clinic.example";
/// Another hash of the same range.
const OTHER: &str = "003D68EB55068C33ACE09247EE4C639306B:3\r\n";

/// What the service answers.
#[derive(Clone, Copy)]
enum Answers {
    /// The password, seen so often; 0 is padding.
    Seen(u32),
    /// Others only.
    Others,
    /// Nothing, and the connection stays open.
    Never,
    /// More than is taken.
    Endless,
    /// A page.
    Page,
    /// That it is broken.
    Broken,
}

/// A service of ranges with the published form of answers.
struct Service {
    url: String,
    answers: Arc<Mutex<Answers>>,
    /// Every request, as it came.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(Answers::Others));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answering, asking) = (Arc::clone(&answers), Arc::clone(&asked));
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in socket.incoming() {
                let mut stream = stream.unwrap();
                asking.lock().unwrap().push(head(&stream));
                let answer = *answering.lock().unwrap();
                // an error here means that the other side has heard enough
                let _ = match answer {
                    Answers::Seen(count) => ok(&mut stream, &format!("{OTHER}{}:{count}\r\n", &sha1(PASSWORD)[5..])),
                    Answers::Others => ok(&mut stream, OTHER),
                    Answers::Never => {
                        silent.push(stream);
                        Ok(())
                    }
                    Answers::Endless => ok(&mut stream, &OTHER.repeat(80_000)),
                    Answers::Page => ok(&mut stream, "<html>Sign in to this network</html>"),
                    Answers::Broken => stream.write_all(b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"),
                };
            }
        });
        Self { url, answers, asked }
    }

    fn answers(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The request up to its empty line.
fn head(stream: &TcpStream) -> String {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn ok(stream: &mut TcpStream, body: &str) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_range_is_asked_for_by_five_digits_and_whatever_comes_of_it_keeps_nobody_out() {
    let service = Service::start();
    let mut site = Installation::stopped();
    site.start_with(&["--passphrase-file", "-", "--leak-range", &service.url], PASSPHRASE);
    site.ok(&["org", "add", "Clinic", "--password-and-code"]);
    let link = add(&site, EMAIL);
    let mut browser = Browser::new(site.http());

    // while somebody types nothing is asked for: the ranges of a password's beginnings would tell it
    let typed = browser.post("/api/enrolment/password/estimate", &json!({ "token": link, "password": PASSWORD }));
    assert_eq!(typed.json()["accepted"], true);
    assert_eq!(service.asked(), Vec::<String>::new());

    // when it is set it is, and padding is nothing
    service.answers(Answers::Seen(3));
    let Err(refused) = set_password(&mut browser, &link, PASSWORD) else { panic!("a leaked password was set") };
    assert!(refused.status == 400 && refused.json().to_string().contains("leaked"), "{}", refused.json());
    service.answers(Answers::Seen(0));
    let set = set_password(&mut browser, &link, PASSWORD);
    let mut codes = set.unwrap_or_else(|refused| panic!("{}", refused.json()));

    // nothing that goes wrong there keeps anybody from signing in
    for answers in [Answers::Never, Answers::Endless, Answers::Others, Answers::Page, Answers::Broken] {
        service.answers(answers);
        let answer = sign_in(&mut browser, EMAIL, PASSWORD, &codes.pop().unwrap());
        assert!(answer.status == 200 && answer.header("set-cookie").is_some(), "{}", answer.json());
    }
    let asked = service.asked();
    assert_eq!(asked.len(), 7, "{asked:?}");
    let said = site.log();
    assert!(said.contains("could not be asked for") && said.contains("failed=4"), "{said}");

    // a password that leaked since lets in only to choose another
    service.answers(Answers::Seen(1));
    let answer = sign_in(&mut browser, EMAIL, PASSWORD, &codes.pop().unwrap());
    assert!(answer.status == 200 && answer.header("set-cookie").is_none(), "{}", answer.json());
    assert!(answer.json()["choose_another"].is_string(), "{}", answer.json());

    // five digits of the hash have left, and not one more
    let hash = sha1(PASSWORD);
    for request in service.asked() {
        let lines: Vec<String> = request.lines().map(str::to_lowercase).collect();
        assert_eq!(lines[0], format!("get /range/{} http/1.1", hash[..5].to_lowercase()), "{request}");
        assert!(lines.contains(&"add-padding: true".to_owned()), "{request}");
        assert!(!request.to_uppercase().contains(&hash[..6]), "{request}");
    }
    assert!(!said.contains(&hash[..5]), "the log names no range: {said}");
}

#[test]
fn without_its_option_nothing_is_asked_for_and_in_the_clear_only_this_machine_is() {
    let site = Installation::new();
    assert_eq!(site.pid("ranges"), None);
    let refused = |url: &str| site.refused(2, &["serve", "--passphrase-file", "-", "--leak-range", url]);
    for url in
        ["http://192.0.2.1/", "ftp://localhost/", "https://x:y@example.org/", "https://example.org/?a=b", "example.org"]
    {
        assert!(refused(url).contains("https://host"), "{url}");
    }
    // a list that has it is enough: nobody else is asked
    let service = Service::start();
    let mut site = Installation::stopped();
    site.start_with(&["--passphrase-file", "-", "--leak-range", &service.url], PASSPHRASE);
    site.ok(&["org", "add", "Clinic", "--password-and-code"]);
    let list = site.path("list.txt");
    std::fs::write(&list, format!("{}:3\n", sha1(PASSWORD))).unwrap();
    site.ok(&["leaks", "load", &list]);
    let link = add(&site, EMAIL);
    assert!(set_password(&mut Browser::new(site.http()), &link, PASSWORD).is_err());
    assert_eq!(service.asked(), Vec::<String>::new());
    // whoever asks can be ended at any moment
    crate::installation::kill(site.pid("ranges").unwrap(), "KILL");
    let added = site.ok(&["person", "enrol", EMAIL]);
    let set = set_password(&mut Browser::new(site.http()), &token(&added), "teekanne wolke 77 schiene");
    assert!(set.is_ok());
}
