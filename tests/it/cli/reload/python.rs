//! A plain Starlette folder under `--reload`, as its author has it open all day: modules, templates and static files change,
//! mistakes come and go, and whoever is connected stays connected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use wasgi_tests::{Client, PythonFolder, wasgi};

use super::{Process, patiently, port, until};

/// The pins of the wide app, so that its dependencies are installed once for all tests.
const REQUIREMENTS: &str = include_str!("../../../python/wide_starlette/requirements.txt");

const MAIN: &str = r#"
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from words import WORD

templates = Jinja2Templates("templates")
VERSION = "one"


async def home(request):
    return PlainTextResponse(f"{VERSION} {WORD}")


async def page(request):
    return templates.TemplateResponse(request, "page.html", {"word": WORD})


async def slowly(request):
    return PlainTextResponse(f"{VERSION}: {(await request.body()).decode()}")


app = Starlette(
    routes=[
        Route("/", home),
        Route("/page", page),
        Route("/slowly", slowly, methods=["POST"]),
        Mount("/static", StaticFiles(directory="static")),
    ],
)
"#;

/// The folder, and what is served from it.
struct Shop {
    folder: PythonFolder,
    process: Process,
    port: u16,
}

impl Shop {
    /// `wasgi serve main:app --reload` in a folder with this `main.py`.
    fn serve(main: &str) -> Self {
        let folder = PythonFolder::new("reload");
        folder.write("requirements.txt", REQUIREMENTS);
        folder.write("main.py", main);
        folder.write("words.py", "WORD = \"tea\"\n");
        folder.write("templates/page.html", "<h1>{{ word }}</h1>\n");
        folder.write("static/shop.css", "h1 { color: red }\n");
        let mut serve = wasgi();
        serve
            .current_dir(folder.path(""))
            .args(["serve", "main:app", "--reload", "--port", "0"]);
        let process = Process::start(&mut serve);
        let port = port(&process);
        Self {
            folder,
            process,
            port,
        }
    }

    fn client(&self) -> Client {
        Client::tcp(([127, 0, 0, 1], self.port).into())
    }

    /// Asks for a path on a kept connection until the answer is this one, and never gets anything but a whole answer of the app.
    #[track_caller]
    fn becomes(&self, client: &mut Client, path: &str, wanted: &str) {
        patiently("the answer changes", &self.process, || {
            let response = client.get(path);
            assert_eq!((response.status, response.whole), (200, true), "{path}");
            (response.text().trim_end() == wanted).then_some(())
        });
    }
}

/// Somebody who loads `/` again and again on one connection, and once in a while on a new one.
struct Visitor {
    gone: Arc<AtomicBool>,
    visits: JoinHandle<Vec<(u16, String)>>,
}

impl Visitor {
    fn of(shop: &Shop) -> Self {
        let gone = Arc::new(AtomicBool::new(false));
        let (port, enough) = (shop.port, gone.clone());
        let visits = std::thread::spawn(move || {
            let connect = || Client::tcp(([127, 0, 0, 1], port).into());
            let mut kept = connect();
            let mut seen = Vec::new();
            while !enough.load(Ordering::Relaxed) {
                for response in [kept.get("/"), connect().get("/")] {
                    seen.push((response.status, response.text()));
                }
                wasgi_tests::pause(std::time::Duration::from_millis(2));
            }
            seen
        });
        Self { gone, visits }
    }

    fn leaves(self) -> Vec<(u16, String)> {
        self.gone.store(true, Ordering::Relaxed);
        self.visits
            .join()
            .expect("every connection and every answer")
    }
}

/// The same socket, the same connections, no request lost; one that is under way ends where it began.
#[test]
fn a_changed_source_is_served_and_nobody_notices_but_by_the_answer() {
    let shop = Shop::serve(MAIN);
    let mut client = shop.client();
    assert_eq!(client.get("/").text(), "one tea");
    let visitor = Visitor::of(&shop);
    let mut under_way = shop.client();
    under_way.send("POST /slowly HTTP/1.1\r\nhost: h\r\ncontent-length: 7\r\n\r\nlate");

    shop.folder
        .write("main.py", MAIN.replace("\"one\"", "\"two\""));
    shop.becomes(&mut client, "/", "two tea");
    shop.process
        .wait_said("main.py changed: loading the app again");
    assert_eq!(under_way.send(" ok").response().text(), "one: late ok");

    let seen = visitor.leaves();
    assert!(seen.iter().all(|(status, _)| *status == 200), "{seen:?}");
    let of = |text| seen.iter().filter(|(_, body)| body == text).count();
    let (one, two) = (of("one tea"), of("two tea"));
    assert!(one > 0 && one + two == seen.len(), "{seen:?}");
    let back = seen.windows(2).any(|pair| pair[0].1 > pair[1].1);
    assert!(!back, "the old app does not come back: {seen:?}");

    // A module beside it, one that is new, a template and a static file.
    shop.folder
        .write("words.py", "from more import WORD as WORD\n");
    shop.folder.write("more.py", "WORD = \"milk & honey\"\n");
    shop.becomes(&mut client, "/", "two milk & honey");
    assert_eq!(
        client.get("/page").text().trim_end(),
        "<h1>milk &amp; honey</h1>"
    );
    shop.folder
        .write("templates/page.html", "<h2>{{ word }}</h2>\n");
    shop.becomes(&mut client, "/page", "<h2>milk &amp; honey</h2>");
    shop.process.wait_said("templates/page.html changed");
    shop.folder.write("static/shop.css", "h2 { color: blue }\n");
    shop.becomes(&mut client, "/static/shop.css", "h2 { color: blue }");
    shop.process.wait_said("static/shop.css changed");
}

/// From the first start on: whoever asks reads why there is no app, in the form that suits, and it is the same in the terminal.
#[test]
fn a_mistake_is_shown_to_its_author_and_mending_it_brings_the_app_back() {
    let syntax = MAIN.replace(
        "VERSION = \"one\"",
        "VERSION = \"</pre><script>alert(1)</script>\" oops",
    );
    let shop = Shop::serve(&syntax);
    let mut client = shop.client();
    let shown = |client: &mut Client, words: &[&str]| {
        let response = client.get("/");
        assert_eq!(response.status, 500, "{response:?}");
        let kind = response.header("content-type");
        assert_eq!(kind, Some("text/plain; charset=utf-8"));
        let text = response.text();
        let page = client
            .send("GET /any HTTP/1.1\r\nhost: h\r\naccept: text/html,*/*;q=0.8\r\n\r\n")
            .response();
        assert_eq!(page.status, 500, "{page:?}");
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let html = page.text();
        assert!(html.starts_with("<!doctype html>"), "{html}");
        assert!(
            !html.contains("<script") && !html.contains("<img"),
            "{html}"
        );
        for word in words {
            assert!(text.contains(word), "{word:?} in {text}");
            let escaped = word.replace('<', "&lt;").replace('>', "&gt;");
            assert!(html.contains(&escaped), "{escaped:?} in {html}");
            shop.process.wait_said(word);
        }
        // What is ours is not the author's business.
        assert!(
            !text.contains("/0/wasgi") && !text.contains('\x1b'),
            "{text}"
        );
    };
    shown(
        &mut client,
        &[
            "main.py",
            "line 11",
            "SyntaxError: invalid syntax",
            "<script>alert(1)</script>",
        ],
    );

    shop.folder.write("main.py", MAIN);
    until(&mut client, &shop.process, |it| it.text() == "one tea");

    // In a module that `main` imports, while it is imported.
    let raises =
        "def word():\n    raise LookupError(\"<img src=x onerror=alert(1)>\")\n\n\nWORD = word()\n";
    shop.folder.write("words.py", raises);
    until(&mut client, &shop.process, |it| it.status == 500);
    shown(
        &mut client,
        &[
            "`main` does not import",
            "words.py",
            "line 2, in word",
            "LookupError: <img src=x onerror=alert(1)>",
        ],
    );

    shop.folder.write("words.py", "WORD = \"water\"\n");
    until(&mut client, &shop.process, |it| it.text() == "one water");
}
