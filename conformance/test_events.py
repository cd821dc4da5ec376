"""PutEvents: what a user does now is in the next answer, counts once, and outlives a crash."""

import uuid

import pytest
from botocore.exceptions import ClientError

from server import Server
from two_tastes import START, Shop, count

RED = ["red-00", "red-01", "red-02"]
BLUE = ["blue-00", "blue-01", "blue-02"]


@pytest.fixture
def session():
    return f"session-{uuid.uuid4().hex}"


def test_the_next_answer_follows_what_was_just_bought(shop, session, server):
    start = shop.recommend(session)
    shop.put(session, RED)
    red = shop.recommend(session)
    assert red != start and count(red, "red") >= 8, red
    shop.put(session, BLUE * 3, at=START + 20_000_000)
    assert count(shop.recommend(session), "blue") > count(red, "blue")


def test_events_of_one_session_leave_others_alone(shop, session, server):
    before = shop.recommend(f"other-{session}"), shop.recommend("user-3")
    shop.put(session, RED)
    assert (shop.recommend(f"other-{session}"), shop.recommend("user-3")) == before


def test_the_same_event_twice_counts_once(shop, session, server):
    ids = [f"{session}-{number}" for number in range(3)]
    shop.put(session, RED, event_ids=ids)
    once = shop.clients.runtime.get_recommendations(campaignArn=shop.campaign, userId=session)["itemList"]
    shop.put(session, RED, event_ids=ids)
    assert shop.clients.runtime.get_recommendations(campaignArn=shop.campaign, userId=session)["itemList"] == once


def test_an_anonymous_session_becomes_the_users_history(shop, session, server):
    user = f"user-of-{session}"
    shop.put(session, RED)
    shop.put(session, ["red-03"], user=user)
    assert count(shop.recommend(user), "red") >= 8


def test_an_event_of_an_unknown_item_changes_nothing(shop, session, server):
    before = shop.recommend(session)
    shop.put(session, ["an item that nobody trained on"])
    assert shop.recommend(session) == before


def test_everything_an_event_may_carry_is_taken(shop, session, server):
    shop.clients.events.put_events(
        trackingId=shop.tracking,
        userId=session,
        sessionId=session,
        eventList=[
            {
                "eventId": session,
                "eventType": "buy",
                "eventValue": 3.5,
                "itemId": "red-05",
                "properties": '{"deviceType": "phone"}',
                "sentAt": START,
                "recommendationId": "RID-" + str(uuid.uuid4())[:36],
                "impression": ["red-05", "blue-05"],
            }
        ],
    )
    assert count(shop.recommend(session), "red") >= 8


def refused(shop, **changed):
    event = {"eventType": "buy", "itemId": "red-00", "sentAt": START}
    call = {"trackingId": shop.tracking, "sessionId": "s", "eventList": [event | changed.pop("event", {})]} | changed
    with pytest.raises(ClientError) as error:
        shop.clients.events.put_events(**call)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_an_unknown_tracker_is_refused(shop, server):
    code, message = refused(shop, trackingId="no-such-tracker")
    assert code in ("ResourceNotFoundException", "InvalidInputException")
    assert "no-such-tracker" in message


def test_more_than_ten_events_are_refused(shop, server):
    event = {"eventType": "buy", "itemId": "red-00", "sentAt": START}
    code, message = refused(shop, eventList=[event] * 11)
    assert code == "InvalidInputException"
    assert "10" in message and "11" in message


def test_properties_that_are_not_json_are_refused(shop, server):
    code, message = refused(shop, event={"properties": "{device"})
    assert code == "InvalidInputException"
    assert "properties" in message


def test_acknowledged_events_outlive_kill_9(binary, tmp_path, unique, session):
    server = Server(binary, tmp_path).start()
    try:
        shop = Shop(server.clients(), unique).build()
        before = shop.recommend(session)
        shop.put(session, RED)
        after = shop.recommend(session)
        assert after != before
        server.kill()
        server.start()
        again = server.clients()
        assert shop.recommend(session, clients=again) == after
        shop.put(session, BLUE * 3, at=START + 20_000_000, clients=again)
        assert shop.recommend(session, clients=again) != after
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()
