"""What the demonstration's agents are asked, what their documents say, and what they answer. Only texts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """One question, with what a retriever found for it."""

    prompt: str
    documents: tuple[str, ...]
    right: tuple[str, ...]
    """Answers that the documents support."""
    wrong: tuple[str, ...]
    """Answers with something in them that the documents do not say."""


_RETURNS = (
    (
        "Unopened goods can be returned within 30 days of delivery, opened goods within 14 days. The buyer pays"
        " for the return unless the goods are faulty."
    ),
    (
        "Refunds are paid within five working days after the goods arrive in our warehouse in Utrecht, by the"
        " same way as the payment was made."
    ),
)
_SHIPPING = (
    (
        "We ship to all countries of the European Union, to Norway and to Switzerland. Shipping within the"
        " European Union is free from 50 euros; shipping to Norway and Switzerland costs 14 euros."
    ),
    "Parcels leave our warehouse on the next working day and take two to four working days within the European Union.",
    "Customs duties for Switzerland are paid by the recipient.",
)
_ADDRESS = (
    (
        "An address can be changed until the parcel leaves the warehouse. After that, the carrier may redirect it"
        " for a fee of 3 euros."
    ),
    "Parcels leave our warehouse on the next working day.",
)
_WARRANTY = (
    (
        "The warranty covers material and manufacturing faults for 24 months from delivery. Batteries are covered"
        " for 12 months. Damage by water is not covered."
    ),
    "For a claim under the warranty, send the order number and a photo of the fault to the support.",
)
_TERMINATION = (
    "8.1 Either party may terminate this agreement with 60 days written notice to the end of a calendar quarter.",
    (
        "8.2 Either party may terminate this agreement without notice for good cause, in particular when the"
        " other party is more than 30 days late with a payment after a reminder."
    ),
)
_OWNERSHIP = (
    (
        "11.1 All work products pass to the customer on full payment of the fees. 11.2 The supplier keeps its"
        " pre-existing tools and grants the customer a non-exclusive licence to use them."
    ),
)
_LIABILITY = (
    (
        "14.1 Liability for slight negligence is limited to 250,000 euros for each year of the contract. 14.2 The"
        " limit does not apply to injury of life, body or health."
    ),
    "14.3 Claims become time-barred after 12 months.",
)

SUPPORT = (
    Question(
        "How long do I have to return unopened goods?",
        _RETURNS,
        (
            "Unopened goods can be returned within 30 days of delivery.",
            (
                "Unopened goods can be returned within 30 days of delivery, opened goods within 14 days. Refunds"
                " are paid within five working days after the goods arrive in the warehouse."
            ),
        ),
        (
            "Unopened goods can be returned within 90 days of delivery. Refunds are paid within five working days.",
            (
                "Unopened goods can be returned within 30 days of delivery. Refunds are paid within two hours as"
                " a voucher for our shop in Berlin."
            ),
        ),
    ),
    Question(
        "Do you ship to Norway, and what does it cost?",
        _SHIPPING,
        (
            "Yes, we ship to Norway. Shipping to Norway costs 14 euros.",
            "We ship to Norway and to Switzerland. Shipping to Norway and Switzerland costs 14 euros.",
        ),
        (
            "Yes, we ship to Norway. Shipping to Norway is free from 120 euros, and customs duties are included.",
            "We do not ship to Norway. Within the European Union shipping is free from 50 euros.",
        ),
    ),
    Question(
        "Can I change the address after the parcel left?",
        _ADDRESS,
        (
            (
                "An address can be changed until the parcel leaves the warehouse. After that, the carrier may"
                " redirect it for a fee of 3 euros."
            ),
        ),
        (
            (
                "An address can be changed until the parcel leaves the warehouse. After that, call our hotline in"
                " Dublin before 18:00, and a courier brings it back."
            ),
            (
                "An address can be changed until the parcel leaves the warehouse. After that, the carrier may"
                " redirect it for a fee of 25 euros."
            ),
        ),
    ),
    Question(
        "Is the battery covered by the warranty?",
        _WARRANTY,
        (
            "Batteries are covered for 12 months from delivery.",
            "Yes: batteries are covered for 12 months. Damage by water is not covered.",
        ),
        (
            "Batteries are covered for 36 months, and damage by water is covered too.",
            "Batteries are covered for 12 months. According to section 12.4, a second battery is sent free of charge.",
        ),
    ),
)
CONTRACTS = (
    Question(
        "When can either party terminate the agreement?",
        _TERMINATION,
        (
            "Either party may terminate this agreement with 60 days written notice to the end of a calendar quarter.",
            "With 60 days written notice to the end of a calendar quarter.",
        ),
        (
            "Either party may terminate this agreement with 30 days notice by telephone to the end of any month.",
            (
                "Either party may terminate this agreement with 60 days written notice to the end of a calendar"
                " quarter. This was changed in 2019 by the second amendment."
            ),
        ),
    ),
    Question(
        "Who owns the work products?",
        _OWNERSHIP,
        (
            (
                "All work products pass to the customer on full payment of the fees. The supplier keeps its"
                " pre-existing tools."
            ),
        ),
        (
            "All work products stay with the supplier for ten years and are then given to a trustee.",
            (
                "All work products pass to the customer on full payment of the fees. The source code is deposited"
                " with a notary in Zurich."
            ),
        ),
    ),
    Question(
        "Is our liability limited?",
        _LIABILITY,
        (
            "Liability for slight negligence is limited to 250,000 euros for each year of the contract.",
            (
                "Liability for slight negligence is limited to 250,000 euros for each year of the contract. The"
                " limit does not apply to injury of life, body or health."
            ),
        ),
        (
            "Liability for slight negligence is limited to 2,500,000 euros for each year of the contract.",
            "Liability is unlimited in every case, and claims become time-barred after five years.",
        ),
    ),
)
GENERAL = (
    Question(
        "What is the capital of France?", (), ("Paris is the capital of France.",), ("It might be Lyon, perhaps.",)
    ),
    Question(
        "Which gas do plants take in?", (), ("Plants take in carbon dioxide from the air.",), ("Possibly argon.",)
    ),
    Question("How many bits are in a byte?", (), ("A byte has eight bits.",), ("Maybe ten; I am not sure.",)),
    Question(
        "Who proved that there are infinitely many primes?",
        (),
        ("Euclid proved it, around 300 BC.",),
        ("It was probably Gauss.",),
    ),
)
