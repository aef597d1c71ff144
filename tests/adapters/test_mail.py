import pytest

from fieldlink.adapters.aws import Aws
from fieldlink.adapters.aws_errors import TRIES
from fieldlink.adapters.mail import SesMail
from fieldlink.errors import Refused, Unavailable, Unclear
from fieldlink.ports import Sender
from tests.adapters.scripted import Answer, scripted
from tests.conftest import ROSAS_MAIL, SENDER, Pretended
from tests.fakes import FakeMail


def send(mail: SesMail) -> None:
    labels = {"connection": "c-1", "resource": "0Hn"}
    mail.send(to=ROSAS_MAIL, subject="Grüße", text="plain", html="<p>rich</p>", labels=labels)


def test_a_mail_has_sender_receiver_and_both_forms() -> None:
    with scripted(Answer(200, {"MessageId": "1"})) as script:
        send(SesMail(script.aws, SENDER))

    [asked] = script.asked
    assert (asked.method, asked.path) == ("POST", "/v2/email/outbound-emails")
    assert "/ses/aws4_request" in asked.headers["authorization"]
    assert asked.json == {
        "EmailTags": [
            {"Name": "connection", "Value": "c-1"},
            {"Name": "resource", "Value": "0Hn"},
        ],
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": [ROSAS_MAIL]},
        "Content": {
            "Simple": {
                "Subject": {"Charset": "UTF-8", "Data": "Grüße"},
                "Body": {
                    "Text": {"Charset": "UTF-8", "Data": "plain"},
                    "Html": {"Charset": "UTF-8", "Data": "<p>rich</p>"},
                },
            }
        },
    }


def test_a_mail_names_the_configuration_that_tells_what_became_of_it() -> None:
    with scripted(Answer(200, {"MessageId": "1"})) as script:
        send(SesMail(script.aws, SENDER, "fieldlink-mails"))

    [asked] = script.asked
    assert asked.json["ConfigurationSetName"] == "fieldlink-mails"


def test_ses_sends_from_an_address_that_is_verified(aws: Pretended) -> None:
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)

    send(SesMail(Aws(aws.access), SENDER))


def test_ses_refuses_to_send_from_an_address_that_is_not_verified(aws: Pretended) -> None:
    with pytest.raises(Refused):
        send(SesMail(Aws(aws.access), SENDER))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(400, {"message": "no"}, {"x-amzn-ErrorType": "MessageRejected"}), Refused),
        (Answer(404, {}, {"x-amzn-ErrorType": "NotFoundException"}), Refused),
        (Answer(429, {}, {"x-amzn-ErrorType": "TooManyRequestsException"}), Unavailable),
        (Answer(400, {}, {"x-amzn-ErrorType": "LimitExceededException"}), Unavailable),
        (Answer(500, b""), Unclear),
        (Answer(reset=True), Unclear),
    ],
)
def test_what_ses_answers_says_whether_to_send_again(
    answer: Answer, error: type[Exception]
) -> None:
    with scripted(answer) as script:
        with pytest.raises(error) as caught:
            send(SesMail(script.aws, SENDER))

        assert type(caught.value) is error
        # What SES has turned away it has not sent; of anything else that is not known.
        assert len(script.asked) == (TRIES if error is Unavailable else 1)


DOMAIN = SENDER.rpartition("@")[2]
ACCOUNT = {"ProductionAccessEnabled": True, "SendingEnabled": True}
ABSENT = Answer(404, {"message": "no"}, {"x-amzn-ErrorType": "NotFoundException"})
VERIFIED, PENDING = (
    Answer(200, {"VerifiedForSendingStatus": True}),
    Answer(200, {"VerifiedForSendingStatus": False}),
)


@pytest.mark.parametrize(
    ("answers", "verified", "asked"),
    [
        ([VERIFIED], True, [SENDER]),
        ([PENDING, VERIFIED], True, [SENDER, DOMAIN]),
        ([ABSENT, VERIFIED], True, [SENDER, DOMAIN]),
        ([PENDING, ABSENT], False, [SENDER, DOMAIN]),
        ([ABSENT, PENDING], False, [SENDER, DOMAIN]),
    ],
)
def test_a_sender_is_verified_by_its_address_or_by_its_domain(
    answers: list[Answer], verified: bool, asked: list[str]
) -> None:
    with scripted(Answer(200, ACCOUNT), *answers) as script:
        sender = SesMail(script.aws, SENDER).check()

    assert sender == Sender(SENDER, verified=verified, production=True, enabled=True)
    paths = [each.path for each in script.asked]
    assert paths == [
        "/v2/email/account",
        *(f"/v2/email/identities/{each.replace('@', '%40')}" for each in asked),
    ]
    assert {(each.method, each.body) for each in script.asked} == {("GET", b"")}
    assert "/ses/aws4_request" in script.asked[0].headers["authorization"]


@pytest.mark.parametrize("name", ["ProductionAccessEnabled", "SendingEnabled"])
def test_an_account_says_to_whom_it_sends_and_whether(name: str) -> None:
    with scripted(Answer(200, ACCOUNT | {name: False}), VERIFIED) as script:
        sender = SesMail(script.aws, SENDER).check()

    assert sender.production is (name != "ProductionAccessEnabled")
    assert sender.enabled is (name != "SendingEnabled")


def test_a_sender_that_cannot_be_looked_at_is_not_called_unverified() -> None:
    denied = Answer(403, {}, {"x-amzn-ErrorType": "AccessDeniedException"})
    with scripted(Answer(200, ACCOUNT), denied) as script, pytest.raises(Unavailable):
        SesMail(script.aws, SENDER).check()


def test_the_fake_s_sender_is_as_good_as_one_that_ses_lets_send() -> None:
    with scripted(Answer(200, ACCOUNT), VERIFIED) as script:
        assert SesMail(script.aws, SENDER).check() == FakeMail().check()
