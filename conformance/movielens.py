"""MovieLens 100K and 1M, as GroupLens ships them, turned into the three CSV files that Personalize wants."""

import csv
import io
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

GENRES_100K = (
    "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical "
    "Mystery Romance Sci-Fi Thriller War Western"
).split()


@dataclass
class MovieLens:
    """`interactions` are (user, item, timestamp, rating), `items` (item, title, genres, year or ""),
    `users` (user, age, gender, occupation)."""

    name: str
    interactions: list
    items: list
    users: list

    def files(self):
        """Type of dataset -> (fields of the schema, bytes of the CSV)."""
        rated = [(user, item, time, "rate", rating) for user, item, time, rating in self.interactions]
        return {
            "Interactions": (INTERACTION_FIELDS, to_csv(INTERACTION_FIELDS, rated)),
            "Items": (ITEM_FIELDS, to_csv(ITEM_FIELDS, self.items)),
            "Users": (USER_FIELDS, to_csv(USER_FIELDS, self.users)),
        }

    def titles(self):
        return {item: title for item, title, _, _ in self.items}

    def popular(self, count):
        """The items that most users rated."""
        return [item for item, _ in Counter(item for _, item, _, _ in self.interactions).most_common(count)]

    def users_by_history(self):
        """Users with the number of items they rated, shortest history first."""
        counts = Counter(user for user, _, _, _ in self.interactions)
        return sorted(counts.items(), key=lambda pair: (pair[1], int(pair[0])))

    def unseen_of_genre(self, user, genre, count):
        """The `count` most rated films of a genre that this user has not rated."""
        seen = {item for who, item, _, _ in self.interactions if who == user}
        of_genre = {item for item, _, genres, _ in self.items if genre in genres.split("|")}
        return [item for item in self.popular(len(self.items)) if item in of_genre and item not in seen][:count]


INTERACTION_FIELDS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
    {"name": "EVENT_TYPE", "type": "string"},
    {"name": "EVENT_VALUE", "type": ["null", "float"]},
]
ITEM_FIELDS = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TITLE", "type": ["null", "string"]},
    {"name": "GENRES", "type": ["null", "string"], "categorical": True},
    {"name": "YEAR", "type": ["null", "int"]},
]
USER_FIELDS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "AGE", "type": "int"},
    {"name": "GENDER", "type": "string", "categorical": True},
    {"name": "OCCUPATION", "type": ["null", "string"], "categorical": True},
]


def to_csv(fields, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field["name"] for field in fields])
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def load(path):
    """Reads `ml-100k.zip` or `ml-1m.zip`."""
    with zipfile.ZipFile(Path(path)) as archive:
        names = set(archive.namelist())
        if "ml-100k/u.data" in names:
            return load_100k(archive)
        if "ml-1m/ratings.dat" in names:
            return load_1m(archive)
    raise ValueError(f"expected ml-100k/u.data or ml-1m/ratings.dat in {path}, found neither")


def lines(archive, name):
    return archive.read(name).decode("latin-1").splitlines()


def year_of(title):
    year = title.rstrip()[-5:-1]
    return year if year.isdigit() else ""


def load_100k(archive):
    ratings = (line.split("\t") for line in lines(archive, "ml-100k/u.data"))
    interactions = [(user, item, int(time), int(rating)) for user, item, rating, time in ratings]
    items = []
    for line in lines(archive, "ml-100k/u.item"):
        cells = line.split("|")
        genres = "|".join(genre for genre, flag in zip(GENRES_100K, cells[5:]) if flag == "1")
        items.append((cells[0], cells[1], genres, year_of(cells[1])))
    users = []
    for line in lines(archive, "ml-100k/u.user"):
        user, age, gender, occupation, _ = line.split("|")
        users.append((user, int(age), gender, occupation))
    return MovieLens("ml-100k", interactions, items, users)


def load_1m(archive):
    ratings = (line.split("::") for line in lines(archive, "ml-1m/ratings.dat"))
    interactions = [(user, item, int(time), int(rating)) for user, item, rating, time in ratings]
    movies = (line.split("::") for line in lines(archive, "ml-1m/movies.dat"))
    items = [(item, title, genres, year_of(title)) for item, title, genres in movies]
    people = (line.split("::") for line in lines(archive, "ml-1m/users.dat"))
    users = [(user, int(age), gender, occupation) for user, gender, age, occupation, _ in people]
    return MovieLens("ml-1m", interactions, items, users)
