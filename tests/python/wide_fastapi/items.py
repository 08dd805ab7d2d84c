"""A resource as tutorials have it: models, responses of models, statuses, 422 in every shape."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Body, HTTPException, Path, Query, Response, status
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, computed_field, field_validator, model_validator

router = APIRouter(prefix="/items", tags=["items"])


class Size(str, Enum):  # noqa: UP042
    """In the path, and in models."""

    small = "small"
    large = "large"


class Maker(BaseModel):
    """Part of an item."""

    name: str = Field(min_length=1, max_length=20)
    site: AnyUrl | None = None


class Item(BaseModel):
    """What is sold."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "tea", "price": "3.50"}]})

    name: str = Field(title="Its name", pattern="^[a-zé ]+$")
    price: Decimal = Field(gt=0, max_digits=6, decimal_places=2)
    size: Size = Size.small
    tags: set[Literal["hot", "cold", "sweet"]] = set()
    makers: list[Maker] = []
    stock: dict[str, int] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def is_for_sale(cls, name: str) -> str:
        """Not everything is."""
        if name == "love":
            raise ValueError("love is not for sale")
        return name

    @model_validator(mode="after")
    def large_costs(self) -> "Item":
        """A rule between two fields."""
        if self.size is Size.large and self.price < 2:
            raise ValueError("large things cost at least 2")
        return self


class Shown(Item):
    """An item as answered: with a number, and what is computed."""

    id: int

    @computed_field
    def cents(self) -> int:
        """The price in cents."""
        return int(self.price * 100)


class Everything(BaseModel):
    """Types that travel as text."""

    moment: datetime
    day: date
    hour: time
    span: timedelta
    id: UUID
    price: Decimal
    raw: bytes
    either: int | str
    maybe: float | None = None


class Cat(BaseModel):
    """One kind."""

    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    """The other."""

    kind: Literal["dog"]
    tricks: list[str]


STOCK = {
    1: Item(name="tea", price=Decimal("3.50"), tags={"hot"}),
    2: Item(name="café", price=Decimal(4), size=Size.large),
}


@router.get("/")
async def every(
    skip: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(le=100)] = 10,
    names: Annotated[list[str] | None, Query(alias="name")] = None,
    *,
    loud: bool = False,
) -> dict[str, object]:
    """Lists, with what the query says."""
    found = [item.name for item in STOCK.values() if not names or item.name in names][skip : skip + limit]
    return {"names": [name.upper() if loud else name for name in found], "skip": skip, "limit": limit}


@router.get("/{item_id}", responses={404: {"description": "There is none"}})
async def one(item_id: Annotated[int, Path(ge=1, le=1000, title="Its number")]) -> Shown:
    """One item."""
    if item_id not in STOCK:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"no item {item_id}")
    return Shown(id=item_id, **STOCK[item_id].model_dump())


@router.get("/{item_id}/brief", response_model=Item, response_model_exclude_unset=True, response_model_exclude={"tags"})
def brief(item_id: int) -> Item:
    """Only what was set."""
    return STOCK[item_id]


@router.post("/", status_code=status.HTTP_201_CREATED)
async def make(item: Item, response: Response) -> Shown:
    """Answers with what it got, and changes nothing."""
    response.headers["location"] = "/items/3"
    return Shown(id=3, **item.model_dump())


@router.put("/{item_id}")
async def change(item_id: int, item: Item, importance: Annotated[int, Body(gt=0)], note: str | None = None) -> object:
    """Two things in one body."""
    return {"id": item_id, "item": item, "importance": importance, "note": note}


@router.delete("/{item_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove(item_id: int) -> None:
    """No body."""


@router.get("/sized/{size}")
async def sized(size: Size) -> dict[str, Size]:
    """An enumeration in the path."""
    return {"size": size}


@router.post("/everything", response_model_exclude_none=True)
async def everything(value: Everything) -> Everything:
    """There and back."""
    return value


@router.post("/pets")
async def pets(pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]) -> list[Cat | Dog]:
    """A union by its tag."""
    return pets


@router.get("/broken/response")
async def broken() -> Item:
    """Not what it promised: a failure of the app."""
    return {"name": 7}  # type: ignore[return-value]


@router.get("/at/{moment}")
async def at(moment: datetime) -> dict[str, object]:
    """A date in the path."""
    return {"moment": moment, "utc": moment.astimezone(UTC), "weekday": moment.strftime("%A")}
