//! Things with a name, in the memory of the instance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

/// All items of this instance. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Items(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    by_id: BTreeMap<u64, Item>,
    last_id: u64,
}

#[derive(Clone, Serialize)]
pub(crate) struct Item {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
pub(crate) struct NewItem {
    name: String,
}

#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Page {
    /// Only items with a higher id.
    after: u64,
    limit: usize,
}

impl Default for Page {
    fn default() -> Page {
        Page {
            after: 0,
            limit: 100,
        }
    }
}

impl Items {
    // Never held across an await, so nobody waits for it.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /items?after=&limit=`
pub(crate) async fn list(State(items): State<Items>, Query(page): Query<Page>) -> Json<Vec<Item>> {
    let shelf = items.shelf();
    let rest = shelf.by_id.values().filter(|item| item.id > page.after);
    Json(rest.take(page.limit.min(1_000)).cloned().collect())
}

/// `POST /items`
pub(crate) async fn create(
    State(items): State<Items>,
    Json(NewItem { name }): Json<NewItem>,
) -> impl IntoResponse {
    let mut shelf = items.shelf();
    shelf.last_id += 1;
    let item = Item {
        id: shelf.last_id,
        name,
    };
    shelf.by_id.insert(item.id, item.clone());
    (
        StatusCode::CREATED,
        [(LOCATION, format!("/items/{}", item.id))],
        Json(item),
    )
}

/// `GET /items/{id}`
pub(crate) async fn show(
    State(items): State<Items>,
    Path(id): Path<u64>,
) -> Result<Json<Item>, StatusCode> {
    items
        .shelf()
        .by_id
        .get(&id)
        .cloned()
        .map(Json)
        .ok_or(StatusCode::NOT_FOUND)
}

/// `DELETE /items/{id}`
pub(crate) async fn remove(State(items): State<Items>, Path(id): Path<u64>) -> StatusCode {
    match items.shelf().by_id.remove(&id) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}
