//! The Python apps of `apps/`, built and served by the real binary as their READMEs say: in their folder, with nothing but the
//! verbs.

use serde_json::{Value, json};
use wasgi_tests::{Client, Finished, Folder, Program, PythonFolder, Response, wasgi};

/// A copy of the app in a place of its own, built.
fn built(app: &str) -> PythonFolder {
    let folder = PythonFolder::of_app(app);
    let mut build = wasgi();
    build.arg("build").current_dir(folder.path(""));
    // What is tested is the app; the optimised interpreter takes longer to make than all tests to run.
    let built = Finished::run(build.arg("--no-optimize"));
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    folder
}

/// `wasgi serve` in the app's folder.
#[track_caller]
fn serve(folder: &PythonFolder, arguments: &[&str]) -> Program {
    let mut serve = wasgi();
    serve
        .args(["serve", "."])
        .args(["--port", "0", "--no-optimize"])
        .args(arguments)
        .current_dir(folder.path(""));
    let program = Program::start(&mut serve);
    assert!(
        program.start_line.contains("code cached"),
        "built and not changed: {}",
        program.start_line
    );
    program
}

/// Stops it as an init system does, and nothing bad was said.
#[track_caller]
fn stop(mut program: Program) {
    program.terminate();
    assert_eq!(program.wait().code(), Some(0), "{:#?}", program.stderr());
    let said = program.stderr();
    let bad = |line: &&String| line.contains(" WARN ") || line.contains(" ERROR ");
    assert!(!said.iter().any(|line| bad(&line)), "{said:#?}");
}

#[track_caller]
fn ask(client: &mut Client, method: &str, target: &str, body: Option<&Value>) -> Response {
    let body = body.map(Value::to_string).unwrap_or_default();
    client.send(format!(
        "{method} {target} HTTP/1.1\r\nhost: todo.test\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    client.response_to(method)
}

#[track_caller]
fn json_of(response: &Response) -> Value {
    serde_json::from_str(&response.text()).unwrap_or_else(|error| panic!("{error}: {response:?}"))
}

#[test]
fn starlette_hello_answers_streams_and_hashes() {
    use sha2::{Digest, Sha256};
    let folder = built("starlette-hello");
    let program = serve(&folder, &["--workers", "2"]);
    let mut client = program.client();
    assert_eq!(client.get("/").text(), "Hello, world!");
    let greeting = client.get("/hello/Ada%20L.");
    assert_eq!(greeting.header("content-type"), Some("application/json"));
    assert_eq!(greeting.text(), r#"{"hello":"Ada L."}"#);
    let uptime = json_of(&client.get("/uptime"));
    assert!(uptime["seconds"].as_f64() >= Some(0.0), "{uptime}");
    let ticks = client.get("/ticks");
    let lines: String = (1..=5).map(|number| format!("tick {number}\n")).collect();
    assert_eq!((ticks.text(), ticks.whole), (lines, true));
    let body = wasgi_tests::noise(2_000_000);
    let hash: String = Sha256::digest(&body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        json_of(&client.post("/digest", &body)),
        json!({"bytes": 2_000_000, "sha256": hash})
    );
    assert_eq!(client.get("/digest").status, 405);
    assert_eq!(client.get("/nowhere").status, 404);
    drop(client);
    stop(program);
}

/// CRUD, and data in the folder of the app that is there after a restart.
#[test]
fn fastapi_todo_keeps_its_tasks_over_a_restart() {
    let folder = built("fastapi-todo");
    let program = serve(&folder, &[]);
    let mut client = program.client();
    assert_eq!(json_of(&client.get("/tasks")), json!([]));
    for (id, title) in [(1, "water the plants"), (2, "feed the cät")] {
        let made = ask(
            &mut client,
            "POST",
            "/tasks",
            Some(&json!({"title": title})),
        );
        assert_eq!(made.status, 201, "{made:?}");
        let location = format!("http://todo.test/tasks/{id}");
        assert_eq!(made.header("location"), Some(location.as_str()));
        assert_eq!(
            json_of(&made),
            json!({"title": title, "done": false, "id": id})
        );
    }
    let done = ask(
        &mut client,
        "PATCH",
        "/tasks/1",
        Some(&json!({"done": true})),
    );
    assert_eq!(
        (done.status, json_of(&done)["done"].as_bool()),
        (200, Some(true))
    );
    assert_eq!(ask(&mut client, "DELETE", "/tasks/2", None).status, 204);
    let gone = client.get("/tasks/2");
    assert_eq!(
        (gone.status, json_of(&gone)),
        (404, json!({"detail": "there is no such task"}))
    );
    drop(client);
    stop(program);
    assert!(folder.path(".wasgi/data/todo.db").is_file());

    let program = serve(&folder, &[]);
    let mut client = program.client();
    let kept = json!([{"title": "water the plants", "done": true, "id": 1}]);
    assert_eq!(json_of(&client.get("/tasks")), kept);
    assert_eq!(json_of(&client.get("/tasks?done=false")), json!([]));
    // An id is not used again.
    let made = ask(
        &mut client,
        "POST",
        "/tasks",
        Some(&json!({"title": "third"})),
    );
    assert_eq!(json_of(&made)["id"], 3);
    drop(client);
    stop(program);

    // Another folder is another database.
    let elsewhere = Folder::new("todo-data");
    let data = elsewhere.path("");
    let program = serve(&folder, &["--data-dir", data.to_str().unwrap()]);
    assert_eq!(json_of(&program.client().get("/tasks")), json!([]));
    stop(program);
    assert!(elsewhere.path("todo.db").is_file());
}

/// What FastAPI makes of the app by itself.
#[test]
fn fastapi_todo_describes_itself_and_says_what_is_wrong_with_a_body() {
    let folder = built("fastapi-todo");
    let program = serve(&folder, &[]);
    let mut client = program.client();
    let docs = client.get("/docs");
    assert_eq!(
        docs.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(docs.text().contains("url: '/openapi.json'"), "{docs:?}");
    let openapi = json_of(&client.get("/openapi.json"));
    assert_eq!(openapi["info"]["title"], "To-do");
    let paths: Vec<_> = openapi["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/tasks", "/tasks/{task_id}"]);
    let title = &openapi["components"]["schemas"]["NewTask"]["properties"]["title"];
    assert_eq!(title["maxLength"], 200);

    let wrong = |client: &mut Client, method: &str, target: &str, body: Value| {
        let response = ask(client, method, target, Some(&body));
        assert_eq!(response.status, 422, "{response:?}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        json_of(&response)["detail"].clone()
    };
    assert_eq!(
        wrong(
            &mut client,
            "POST",
            "/tasks",
            json!({"title": "", "done": "perhaps"})
        ),
        json!([
            {
                "type": "string_too_short",
                "loc": ["body", "title"],
                "msg": "String should have at least 1 character",
                "input": "",
                "ctx": {"min_length": 1},
            },
            {
                "type": "bool_parsing",
                "loc": ["body", "done"],
                "msg": "Input should be a valid boolean, unable to interpret input",
                "input": "perhaps",
            },
        ])
    );
    let detail = wrong(&mut client, "PATCH", "/tasks/one", json!({}));
    assert_eq!(detail[0]["loc"], json!(["path", "task_id"]));
    let detail = wrong(&mut client, "GET", "/tasks?limit=1000", json!({}));
    assert_eq!(detail[0]["loc"], json!(["query", "limit"]));
    client.send("POST /tasks HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"title\":");
    let broken = client.response();
    assert_eq!(
        (broken.status, &json_of(&broken)["detail"][0]["type"]),
        (422, &json!("json_invalid"))
    );
    drop(client);
    stop(program);
}
