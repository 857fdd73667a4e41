"""What synthetic people say: own sentences and old pangrams in which every English phone is frequent."""

SENTENCES = (
    "The quick brown fox jumps over the lazy dog.",
    "Pack my box with five dozen jugs of warm apple juice.",
    "A wizard's job is to vex chumps quickly in fog.",
    "How vexingly quick daft zebras jump in the morning.",
    "The five boxing wizards jump quickly over the bridge.",
    "Bright vixens jump while dozy fowl quack by the pond.",
    "Please put both blue boats back before the big boys play.",
    "My mother made me many warm muffins this morning.",
    "Five fine fishermen found very few fresh vegetables.",
    "She sells sea shells, and surely the shells she sells are shiny.",
    "Which witch watched which watch while we went away?",
    "Good cooks could look for sugar in a wooden cupboard.",
    "We saw a small mouse run through the house and out again.",
    "Peter bought a bit of better butter for the baker.",
    "The youth with the yellow yo-yo used to live in New York.",
    "Three thin thieves thought that Thursday was their birthday.",
    "The measure of pleasure is a treasure beyond all doubt.",
    "Joyful children choose cheese, jam and orange juice.",
    "Let us leave the little lamp alight until eleven.",
    "Round and round the rugged rocks the rabbit ran.",
    "I hope to go home slowly along the old stone road.",
    "Oh, what a beautiful view you have from your room!",
    "The happy hippo had a huge hat on his head.",
    "Our king is singing a long song about spring.",
    "Can you keep a cake in a cool, dark kitchen?",
    "Sunday's visitors were busy buzzing around the zoo.",
    "Why do you buy nine white ties at a time?",
    "The boy enjoyed his noisy toys and spoiled the soil.",
    "He heard the first bird early in the third hour.",
    "Paula brought four more tall doors to the hall.",
    "Father parked the large car far from the garden.",
    "Each evening we eat green peas and sweet cream.",
    "Bob and Tom got a lot of hot coffee from the shop.",
    "Ten men spent the whole week building a stone wall.",
    "Some days are made for rain, and some for staying in bed.",
    "Move the blue shoes to the front room by noon.",
    "Nobody knows how long the moon has been following us.",
    "A big brown bear and a small pink pig shared a map.",
    "Never give up on a very clever plan before five.",
    "The weather is better than they thought on the other shore.",
    "I wish you would push the heavy wagon forward.",
    "Charge the battery, then watch the picture change.",
    "Put the flowers in a vase of fresh, cold water.",
    "Maybe we may meet my family on Monday afternoon.",
    "Open the window, and let the warm wind blow through.",
    "Every teacher should have a chair, a chart and some chalk.",
    "Yesterday the young musician used a huge yellow tuba.",
    "Help me find the path from the bath to the north gate.",
)


def pick(rng, target_words: int) -> str:
    """At least ``target_words`` words of sentences, none a second time before all were said.

    rng: a numpy Generator.
    """
    chosen: list[str] = []
    words = 0
    while words < target_words:
        for number in rng.permutation(len(SENTENCES)):
            chosen.append(SENTENCES[number])
            words += len(SENTENCES[number].split())
            if words >= target_words:
                break
    return " ".join(chosen)
