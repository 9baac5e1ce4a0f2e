"""What people say when they want a built-in tool: six for each, more where it does the work of
several that there were.

Written without sight of how tools are found. Even-numbered ones may be tuned on; odd ones
are reported.
"""

REQUESTS: tuple[tuple[str, str], ...] = (
    ("what's 18.5% of 2,340?", "calculate"),
    ("347 * 28 - 1199", "calculate"),
    (
        "Hey, could you tell me how much 12 pizzas at 8.95 each come to, minus a 15 euro voucher?",
        "calculate",
    ),
    ("(3^7 + 41) / 6", "calculate"),
    (
        (
            "We were five at dinner and the bill was 183.40 plus 10% tip. How much does each of us "
            "owe?"
        ),
        "calculate",
    ),
    ("I need the square root of 7921 please, not a guess", "calculate"),
    ("How many kilometres is 26.2 miles?", "convert_units"),
    ("72 inches in cm", "convert_units"),
    (
        "My oven only shows Celsius and the recipe says 375 Fahrenheit, what do I set it to?",
        "convert_units",
    ),
    ("5 lbs to kilos pls", "convert_units"),
    ("The tank holds 55 litres. What is that in US gallons?", "convert_units"),
    (
        "An American friend says he weighs 190 pounds, how much would that be in kg?",
        "convert_units",
    ),
    ("Make a bar graph of our sales: Jan 120, Feb 95, Mar 143, Apr 160", "plot_chart"),
    ("pie for rent 900, food 350, transport 120, fun 200", "plot_chart"),
    ("Could you show my weight over the weeks as a line: 84, 83.1, 82.7, 82, 81.4?", "plot_chart"),
    (
        "I want a scatter diagram of x = 1, 2, 3, 4, 5 against y = 2.1, 3.9, 6.2, 8.0, 9.7, please",
        "plot_chart",
    ),
    (
        "graph these temperatures for me, Monday 14, Tuesday 17, Wednesday 21, Thursday 19",
        "plot_chart",
    ),
    (
        (
            "For my report I need the visitor numbers as bars: 2021 410, 2022 532, 2023 701, 2024 "
            "655. Title it Visitors."
        ),
        "plot_chart",
    ),
    ("Can you write me a Rust function that reverses a linked list?", "generate_code"),
    ("python function to check whether a string is a palindrome", "generate_code"),
    (
        "I need a bash script that goes through a folder and renames all .JPG to .jpg",
        "generate_code",
    ),
    (
        (
            "Please code a small HTML page with a button that counts how often it was clicked, in "
            "JavaScript"
        ),
        "generate_code",
    ),
    (
        "give me a regex in Java that matches email addresses, wrapped in a method isEmail",
        "generate_code",
    ),
    (
        (
            "I'm working on a game and need a C++ class for a 2D vector with add, scale and "
            "length. Could you write that?"
        ),
        "generate_code",
    ),
    (
        (
            "Make this loop a list comprehension:\nresult = []\nfor x in items:\n    "
            "result.append(x * 2)"
        ),
        "edit_code",
    ),
    (
        "Add type hints and a docstring to it please:\ndef area(w, h):\n    return w * h",
        "edit_code",
    ),
    (
        (
            "this crashes when the list is empty, can you repair it?\ndef avg(xs):\n    return "
            "sum(xs) / len(xs)"
        ),
        "edit_code",
    ),
    (
        (
            "Rename the variable a to total in the following:\na = 0\nfor n in nums:\n    a += n\n"
            "print(a)"
        ),
        "edit_code",
    ),
    (
        (
            "Could you make this JavaScript use async/await instead of then?\nfetch(url).then(r => "
            "r.json()).then(d => show(d));"
        ),
        "edit_code",
    ),
    (
        (
            "The function below is ugly, clean it up without changing what it returns:\ndef f(x):\n"
            "    if x > 0:\n        return True\n    else:\n        return False"
        ),
        "edit_code",
    ),
    ("Execute this and show me the output:\nfor i in range(5):\n    print(i ** 3)", "run_python"),
    (
        (
            "What comes out when you start this script?\nimport itertools\n"
            "print(list(itertools.permutations('abc')))"
        ),
        "run_python",
    ),
    ("run it please\nprint(sum(n for n in range(1000) if n % 3 == 0 or n % 5 == 0))", "run_python"),
    (
        (
            "Could you try this out in the sandbox and tell me what it prints? "
            "print('racecar'[::-1] == 'racecar')"
        ),
        "run_python",
    ),
    (
        (
            "Here's my script, launch it for me:\nimport random\nrandom.seed(4)\n"
            "print([random.random() for _ in range(3)])"
        ),
        "run_python",
    ),
    ("exec this:\nwords = 'the cat sat on the mat'.split()\nprint(len(set(words)))", "run_python"),
    (
        (
            "Is there any syntax error in this? Don't execute it.\ndef hello(name)\n    print('hi "
            "' + name)"
        ),
        "check_python",
    ),
    ("lint this pls:\nimport os\ndef f(x):\n    return y + 1", "check_python"),
    (
        (
            "Before I run it, does this have undefined names or type errors?\ndef total(xs: "
            "list[int]) -> str:\n    return sum(xs)"
        ),
        "check_python",
    ),
    (
        "Did I get the types right here?\ndef double(n: int) -> int:\n    return str(n * 2)",
        "check_python",
    ),
    (
        "any typos or bugs a checker would find in this python?\nfor i in rnage(10):\n    print(i)",
        "check_python",
    ),
    (
        (
            "Look whether the following is valid Python, without starting it:\nclass A:\n    def "
            "__init__(self, x):\n    self.x = x"
        ),
        "check_python",
    ),
    ("What chats do we have saved?", "search_conversations"),
    ("Show me all my previous conversations", "search_conversations"),
    ("which talks did we have lately? Just the overview", "search_conversations"),
    ("I'd like to see the history of our chats, newest at the top", "search_conversations"),
    ("give me my chat list", "search_conversations"),
    ("How many conversations are stored and what are they called?", "search_conversations"),
    ("Did we ever talk about sourdough in an earlier chat?", "search_conversations"),
    ("In which chat did I mention the Lisbon trip?", "search_conversations"),
    ("find where you told me about compound interest some weeks ago", "search_conversations"),
    (
        "I know we discussed the broken dishwasher once. Could you dig up what was said?",
        "search_conversations",
    ),
    ('look through our old chats for "mortgage"', "search_conversations"),
    (
        (
            "You recommended a book about octopuses to me in some conversation last month, which "
            "one was it?"
        ),
        "search_conversations",
    ),
    ('Call this chat "Garden plans"', "title_conversation"),
    ('Please rename our conversation about taxes to "Tax return 2024"', "title_conversation"),
    (
        'I don\'t like the name of the chat "Untitled 3", make it "Job interview prep"',
        "title_conversation",
    ),
    ("give this conversation a better name: Holiday in Norway", "title_conversation"),
    ('The talk named "hello" should be named "Bike repair" from now on', "title_conversation"),
    (
        'Can you change what this chat is called in the list? "Wedding speech" would be good.',
        "title_conversation",
    ),
    ("What have we talked about so far, in short?", "summarize_conversation"),
    ("recap this chat please", "summarize_conversation"),
    ("Can you sum up our discussion for me? I lost track.", "summarize_conversation"),
    ('Give me the gist of the conversation "Garden plans"', "summarize_conversation"),
    ("tl;dr of everything we said here", "summarize_conversation"),
    (
        "I was away for an hour, could you go over the main points of our talk up to now?",
        "summarize_conversation",
    ),
    (
        "Let's go back to our chat about the kitchen renovation and carry on there",
        "switch_conversation",
    ),
    ('open the conversation "Tax return 2024", I want to continue it', "switch_conversation"),
    ("jump to yesterday's chat", "switch_conversation"),
    ("Take me to the chat named Bike repair", "switch_conversation"),
    (
        "I'd rather pick up the Norway conversation where we left off, could you move us there?",
        "switch_conversation",
    ),
    ("change over to my other chat, the one about the thesis", "switch_conversation"),
    ('Erase the chat "Job interview prep", I don\'t want it kept', "delete_conversation"),
    ("get rid of our conversation about my ex", "delete_conversation"),
    ("Please remove the old chat called Untitled 3 permanently", "delete_conversation"),
    (
        "Throw away the conversation on birthday surprises before my wife sees it",
        "delete_conversation",
    ),
    ("wipe chat number 7 from the history", "delete_conversation"),
    (
        "The talk we had about the lawsuit should not be stored any more. Delete it.",
        "delete_conversation",
    ),
    ("what time is it?", "current_time"),
    ("How late is it in Tokyo right now?", "current_time"),
    ("What's today's date?", "current_time"),
    ("My sister lives in Vancouver, is it already morning there?", "current_time"),
    ("date and hour in UTC please", "current_time"),
    (
        "I've totally lost track, what day do we have today and what's the clock say?",
        "current_time",
    ),
    ("How many days from 3 March 2024 to 19 November 2024?", "calculate_date"),
    ("My contract ran from 2021-06-15 until 2023-02-28, how many days was that?", "calculate_date"),
    ("number of days, 1 Feb to 17 May this year", "calculate_date"),
    (
        "How long was it in days from the moon landing on 20 July 1969 to 9 November 1989?",
        "calculate_date",
    ),
    (
        "We met on 12 May 2018 and married on 4 September 2021, count the days for me please",
        "calculate_date",
    ),
    ("days separating 2025-01-10 and 2025-08-22", "calculate_date"),
    ("What date is 90 days after 14 April 2025?", "calculate_date"),
    ("six weeks before 1 December", "calculate_date"),
    (
        "My passport was issued on 2019-08-30 and lasts 10 years. When does it expire?",
        "calculate_date",
    ),
    (
        "The invoice is from 17 January and is due within 45 days, so what's the last day to pay?",
        "calculate_date",
    ),
    ("2024-02-29 plus 18 months", "calculate_date"),
    ("If the baby is due on 3 October, which date was 40 weeks earlier?", "calculate_date"),
    ("What weekday was 9 November 1989?", "calculate_date"),
    ("which week of the year is 14 August 2025", "calculate_date"),
    ("Does Christmas fall on a Sunday in 2027?", "calculate_date"),
    ("I was born on 23 May 1987, what day of the week was that?", "calculate_date"),
    ("calendar week for 3 March?", "calculate_date"),
    (
        "Is 17 October 2026 a Saturday, and what number of day in the year is that?",
        "calculate_date",
    ),
    ("Open thesis.pdf and show me what's in it, starting at the first page", "read_document"),
    ("Read me the next part of manual.docx", "read_document"),
    ("I'd like to go through contract.pdf bit by bit, please begin", "read_document"),
    ("show the full text of chapter1.md", "read_document"),
    ("what does page 4 of brochure.pdf say, word for word?", "read_document"),
    ("Please load letter.docx and let me see its contents", "read_document"),
    ("Where in manual.pdf is the warranty mentioned?", "search_documents"),
    ("on which pages of thesis.pdf do they talk about sampling bias", "search_documents"),
    ("Find the parts about cancellation in lease.pdf", "search_documents"),
    (
        "Look in handbook.docx for anything on parental leave and give me the page",
        "search_documents",
    ),
    ("which sections of annual_report.pdf deal with debt?", "search_documents"),
    (
        "I remember that novel.pdf has a scene at a lighthouse. Can you locate it?",
        "search_documents",
    ),
    ("Which of my PDFs say something about solar panels?", "search_documents"),
    ("look across all my documents for anything on data protection", "search_documents"),
    (
        "I have dozens of papers in the files folder. Which passages are about coral bleaching?",
        "search_documents",
    ),
    ("Is there anything in any of my documents regarding the Miller account?", "search_documents"),
    (
        "find everything my documents say on insulation, no matter which PDF or Word file it's in",
        "search_documents",
    ),
    (
        (
            "I forgot which document it was, but one of them had a paragraph about visa rules. "
            "Search them all please."
        ),
        "search_documents",
    ),
    ("What's report.pdf about, in a nutshell?", "summarize_document"),
    ("give me the short version of thesis.docx", "summarize_document"),
    (
        "I have no time to read the 200 pages of handbook.pdf, boil it down for me",
        "summarize_document",
    ),
    ("Key points of minutes_march.docx please", "summarize_document"),
    ("tldr for whitepaper.pdf", "summarize_document"),
    (
        "My boss wants an overview of strategy2025.pdf by noon. Could you condense it to one page?",
        "summarize_document",
    ),
    (
        "According to lease.pdf, how much notice do I have to give? Quote the place.",
        "search_documents",
    ),
    (
        "What does manual.pdf give as the maximum load? I need the exact wording as proof.",
        "search_documents",
    ),
    ("from contract.docx: who pays for repairs?", "search_documents"),
    (
        (
            "Going by policy.pdf, am I covered if my bike is stolen abroad? Please back it up with "
            "quotes."
        ),
        "search_documents",
    ),
    ("in thesis.pdf, how many people took part in the experiment?", "search_documents"),
    (
        "Who is named as the executor in testament.pdf, and where does it say so?",
        "search_documents",
    ),
    ("My name is Carla, please keep that in mind for the future", "remember_fact"),
    ("remember that I'm allergic to peanuts", "remember_fact"),
    ("From now on you should know that I live in Ghent", "remember_fact"),
    ("I'm a vegetarian, don't forget it next time we talk", "remember_fact"),
    (
        "fyi for all our future chats: I prefer short answers and my daughter is called Mila",
        "remember_fact",
    ),
    (
        (
            "Please make a mental note that my birthday is the 4th of June, so you know it in "
            "other chats"
        ),
        "remember_fact",
    ),
    ("What do you know about me?", "recall_facts"),
    ("do you still know what my name is?", "recall_facts"),
    ("Which things have I told you to keep in mind about me?", "recall_facts"),
    ("What am I allergic to? I told you to remember it.", "recall_facts"),
    ("tell me everything you've memorized about my person", "recall_facts"),
    ("Where do I live, according to what you've stored about me?", "recall_facts"),
    ("You no longer need to know that I'm a vegetarian, I eat meat again", "forget_fact"),
    ("Please stop remembering where I live", "forget_fact"),
    ("what you know about my allergy is wrong, drop it from your memory", "forget_fact"),
    ("Erase my birthday from the things you've memorized about me", "forget_fact"),
    ("I moved out of Ghent, so don't keep in mind any more that I live there", "forget_fact"),
    ("Unlearn my daughter's name please, I'd rather you didn't have it", "forget_fact"),
    ("What's in my Downloads folder?", "list_files"),
    ("ls projects/", "list_files"),
    ("Show me which files are in the photos directory and how big they are", "list_files"),
    ("Is there anything in the folder invoices/2024?", "list_files"),
    ("dir please, with dates", "list_files"),
    ("I'd like to know what I've got stored in the music folder, names and sizes", "list_files"),
    ("grep for TODO in my text files", "find_in_files"),
    ('Which line of config.txt has the word "timeout"?', "find_in_files"),
    ('In which of my .txt files does "Henderson" occur, and on which line?', "find_in_files"),
    ('look for "ERROR 503" in server.log', "find_in_files"),
    (
        "Where do I use the string max_retries in the src folder? I need line numbers.",
        "find_in_files",
    ),
    ("show every line in the .csv and .txt files that contains the word overdue", "find_in_files"),
    ("Create shopping.txt with: milk, eggs, bread", "write_file"),
    ('Put the following into a new file hello.py: print("hello")', "write_file"),
    ('save "Dear Mr Novak, I accept the offer." as letter.txt', "write_file"),
    (
        'Could you make a README.md whose content is "# My project" and nothing else?',
        "write_file",
    ),
    ("store this in todo.txt, replacing the old one: 1. call mum 2. pay rent", "write_file"),
    (
        "I want a file config.ini on disk that has these two lines:\n[main]\ndebug = true",
        "write_file",
    ),
    ('Put "butter" at the bottom of shopping.txt', "append_to_file"),
    ("add a line to log.txt: 14:00 server restarted", "append_to_file"),
    ("At the end of diary.md write: Today it rained all day.", "append_to_file"),
    (
        'Please tack "requests==2.32" onto requirements.txt and leave the rest as it is',
        "append_to_file",
    ),
    ("one more entry for expenses.csv: 2025-03-04,coffee,3.20", "append_to_file"),
    ('todo.txt needs another line below the others saying "water the plants"', "append_to_file"),
    ("In config.ini change debug = true to debug = false", "edit_file"),
    ('swap "Mr Novak" for "Ms Novak" in letter.txt', "edit_file"),
    (
        'There\'s a typo in readme.md: "recieve" should be "receive". Correct it there.',
        "edit_file",
    ),
    ("replace port 8080 by port 9090 in settings.yaml", "edit_file"),
    (
        'The third paragraph of essay.txt says "in 1945 or so", please make that "in May 1945"',
        "edit_file",
    ),
    ('could you update version = "1.2" to version = "1.3" inside pyproject.toml', "edit_file"),
    ("Make a duplicate of budget.xlsx called budget_backup.xlsx", "copy_file"),
    ("cp notes.txt archive/notes.txt", "copy_file"),
    (
        "I want letter.docx in the folder outgoing as well, but keep the original where it is",
        "copy_file",
    ),
    ("Before I change it, can you make me a backup of config.ini as config.ini.bak?", "copy_file"),
    ("put a second version of logo.png into the website folder", "copy_file"),
    ("Please duplicate template.md as march.md", "copy_file"),
    ("Rename IMG_0042.jpg to sunset.jpg", "move_file"),
    ("mv draft.txt finished/", "move_file"),
    ("Put invoice17.pdf into the folder invoices, it shouldn't stay here", "move_file"),
    ("I deleted budget.xlsx by mistake, bring it back from the trash please", "move_file"),
    ("could you shift all.csv over to the data directory", "move_file"),
    ("report_final_v2.docx should be called report.docx", "move_file"),
    ("rm old.log", "delete_file"),
    ("Trash the file draft1.txt please", "delete_file"),
    ("I don't need setup.exe any more, throw it out", "delete_file"),
    ("Could you get rid of IMG_0043.jpg? It's blurry.", "delete_file"),
    ("remove temp.csv from the data folder", "delete_file"),
    ("screenshot-old.png can go in the bin", "delete_file"),
    ("mkdir projects/2025/spring", "make_folder"),
    ("Create a new directory called Recipes", "make_folder"),
    ("I need a place for my invoices, set up a folder invoices/2025", "make_folder"),
    ('could you add a subfolder "raw" in data', "make_folder"),
    ("New directory please: photos/norway/day1", "make_folder"),
    ("Set up an empty folder named Backup for me", "make_folder"),
    ("Take a note called Paint: the living room is RAL 9010", "save_note"),
    ("note down the wifi code of the cabin: fjord-7781, title Cabin", "save_note"),
    (
        'Please jot this down as a new note, "Gift ideas": scarf, teapot, concert tickets',
        "save_note",
    ),
    (
        "make a note for me with the heading Recipe pancakes: 200 g flour, 3 eggs, 300 ml milk",
        "save_note",
    ),
    (
        (
            "I want to keep this thought, write it up in a fresh note titled Novel: the gardener "
            "did it"
        ),
        "save_note",
    ),
    ("new note, Dentist: ask about the crown on the lower left", "save_note"),
    ("What does my note Cabin say?", "read_note"),
    ('open the note "Gift ideas"', "read_note"),
    ("Show me what I wrote in my pancake recipe note", "read_note"),
    ("I made a note titled Dentist, could you read it to me?", "read_note"),
    ("let me see the note Paint", "read_note"),
    ("Please display the complete text of the note named Meeting Monday", "read_note"),
    ("Which of my notes mention Sarah?", "search_notes"),
    ("look in my notes for anything about the boiler", "search_notes"),
    ("Do I have a note somewhere that contains the word teapot?", "search_notes"),
    ("I jotted down a wine we liked once, find it in my notes please", "search_notes"),
    ("in what note was the wifi code?", "search_notes"),
    ("Go through my notes and tell me where I wrote something about the insurance", "search_notes"),
    ("What notes do I have?", "search_notes"),
    ("show all my notes", "search_notes"),
    ("Give me an overview of the notes I've made so far, just their names", "search_notes"),
    ("how many notes are there and what are they called", "search_notes"),
    ("I'd like to see the headings of every note I keep", "search_notes"),
    ("names of my notes please", "search_notes"),
    ('Add "slippers" to my note Gift ideas', "change_note"),
    ("put another line in the Dentist note: bring the x-ray", "change_note"),
    ("My note Paint needs an addition: the hallway is RAL 7035", "change_note"),
    ('Please extend the note Cabin by "key is under the flowerpot"', "change_note"),
    ("in the packing note, also write down sunscreen", "change_note"),
    (
        (
            "I have one more point for the note Meeting Monday: discuss the budget. Leave what's "
            "there."
        ),
        "change_note",
    ),
    ("Rewrite my note Paint completely, it should just say: all rooms white", "change_note"),
    ('The note Cabin is outdated, make its text "sold in 2024" instead', "change_note"),
    ("overwrite the Gift ideas note with: book, candle", "change_note"),
    (
        (
            "Everything in the note Dentist is wrong. Put this in place of it: appointment moved "
            "to clinic B"
        ),
        "change_note",
    ),
    (
        'the Packing note should now only read "passport, charger", drop what was in there',
        "change_note",
    ),
    (
        'Please swap the whole content of my note Meeting Monday for "cancelled, see email"',
        "change_note",
    ),
    ("Throw away my note Paint", "delete_note"),
    ("I don't need the Dentist note any more, remove it", "delete_note"),
    ("erase the note called Gift ideas please", "delete_note"),
    ("you can bin the note about the cabin", "delete_note"),
    ('get rid of my note "Meeting Monday"', "delete_note"),
    ("The pancake recipe note can go for good, I know it by heart", "delete_note"),
    ("Remind me at 6 pm to take the bread out", "set_reminder"),
    ("ping me in 20 minutes, tea's on", "set_reminder"),
    ("Tomorrow at 9 I have to call the bank, don't let me forget", "set_reminder"),
    ("Could you nudge me on Friday at noon about the rent?", "set_reminder"),
    ("wake me up from my work at half past four so I can pick up Mila", "set_reminder"),
    ("I need an alert on 3 June at 8:00: passport appointment", "set_reminder"),
    ("What reminders do I have coming up?", "list_reminders"),
    ("is there anything you're going to remind me of today?", "list_reminders"),
    ("Show me all my pending alerts", "list_reminders"),
    ("Which reminders are still open this week?", "list_reminders"),
    ("what did I ask you to ping me about later", "list_reminders"),
    ("Did I already set a reminder for the rent? Show me what's planned.", "list_reminders"),
    ("Forget the reminder for 6 pm, the bread is done", "cancel_reminder"),
    ("You don't have to remind me about the bank any more", "cancel_reminder"),
    ("drop tomorrow's 9 o'clock alert", "cancel_reminder"),
    ("I already paid the rent, so please take back the Friday reminder", "cancel_reminder"),
    ("call off the alarm for the tea", "cancel_reminder"),
    ("Remove the reminder about the passport appointment, it was postponed", "cancel_reminder"),
    ("Which AI models do you have?", "about_airunner"),
    ("what LLMs are installed here", "about_airunner"),
    ("Which model draws the pictures and which one writes the code?", "about_airunner"),
    (
        "I'd like an overview of the neural networks you consist of and whether each one is loaded",
        "about_airunner",
    ),
    ("show me the models available in this assistant", "about_airunner"),
    ("What models are you running on at the moment?", "about_airunner"),
    ("How much VRAM are you using?", "about_airunner"),
    ("is there still room on the GPU for another model", "about_airunner"),
    ("How many gigabytes do your models occupy right now?", "about_airunner"),
    ("ram and gpu usage of the models please", "about_airunner"),
    (
        "My computer feels sluggish, how much memory are you taking up with your models?",
        "about_airunner",
    ),
    ("What's left free on the graphics card for your models?", "about_airunner"),
    ("Why did you unload the image model just now?", "about_airunner"),
    ("what's the reason my request had to wait for a model", "about_airunner"),
    ("You just threw the code model out of the GPU, how come?", "about_airunner"),
    (
        "Why was that model put on the CPU instead of the graphics card a moment ago?",
        "about_airunner",
    ),
    ("I noticed a model got loaded again, what made you do that?", "about_airunner"),
    ("Tell me how you chose which model to kick out of memory last time", "about_airunner"),
    ("How long can your answers be at most?", "about_airunner"),
    ("what's your context window set to", "about_airunner"),
    ("Which limits do you run with?", "about_airunner"),
    ("how many threads are you allowed to use", "about_airunner"),
    (
        "I'd like to see your configuration, like the maximum number of tokens and the memory cap",
        "about_airunner",
    ),
    ("Show me your current settings", "about_airunner"),
    ("What columns does sales.csv have?", "query_table"),
    ("which tables are in shop.db", "query_table"),
    ("Show me the first few rows of customers.csv", "query_table"),
    (
        "How many rows are there in measurements.csv and what are the fields called?",
        "query_table",
    ),
    ("I've never seen inventory.sqlite before, what's its structure?", "query_table"),
    ("schema of orders.db please", "query_table"),
    ("SELECT name, price FROM products WHERE price > 100 on shop.db", "query_table"),
    (
        "Please run this on sales.csv: SELECT region, SUM(amount) FROM sales GROUP BY region",
        "query_table",
    ),
    ("orders.sqlite: SELECT COUNT(*) FROM orders WHERE status = 'open'", "query_table"),
    (
        (
            "Could you execute the statement SELECT DISTINCT city FROM customers against "
            "customers.csv?"
        ),
        "query_table",
    ),
    ("what does SELECT MAX(temp) FROM measurements give on measurements.csv", "query_table"),
    (
        (
            "I wrote the SQL myself, just fire it at library.db: SELECT title FROM books ORDER BY "
            "year LIMIT 5"
        ),
        "query_table",
    ),
    ("Which product sold best according to sales.csv?", "ask_table"),
    ("how many customers from Spain are in customers.csv", "ask_table"),
    ("In shop.db, who placed the most orders last year?", "ask_table"),
    ("From expenses.csv, how much did I spend on groceries in March?", "ask_table"),
    ("I have a database library.sqlite. Which author has the most books in it?", "ask_table"),
    ("what's the average salary per department in staff.csv?", "ask_table"),
    (
        (
            "Make this shorter: The meeting started late because the projector failed. After an "
            "hour we agreed to move the launch to May, hire two testers and drop the old website."
        ),
        "summarize_text",
    ),
    (
        (
            "Give me the essence of the following in two sentences: Bees communicate by dancing. "
            "The angle of the dance shows the direction of the food, and its length shows the "
            "distance. Other bees follow the dancer and then fly out themselves."
        ),
        "summarize_text",
    ),
    (
        (
            'tl;dr: "Our landlord wrote again that the heating will be replaced in autumn, that '
            "we will be without warm water for three days, and that he will take 50 euros off the "
            'rent."'
        ),
        "summarize_text",
    ),
    (
        (
            "Could you condense this paragraph for me? The river floods each spring. For centuries "
            "farmers built on the hills, but since the dam was raised the valley has been settled, "
            "and now every leak worries thousands."
        ),
        "summarize_text",
    ),
    (
        (
            "What's the main point here: I tried three phones this week. The first was fast but "
            "heavy, the second light but slow, and the third was neither, yet I kept it since its "
            "battery lasts two days."
        ),
        "summarize_text",
    ),
    (
        (
            "sum this up in one line: The train was cancelled, the bus was full, the taxi got "
            "lost, and when I finally arrived the concert had been moved to Sunday."
        ),
        "summarize_text",
    ),
    ('How do you say "Where is the train station?" in Italian?', "translate_text"),
    ("Put this into German: I'd like to book a table for four.", "translate_text"),
    ("to French please: My luggage hasn't arrived", "translate_text"),
    ('What does "Il fait un froid de canard" mean in English?', "translate_text"),
    (
        (
            "I got this message from a Spanish client, what's it in English? \"Le enviamos la "
            'factura el lunes."'
        ),
        "translate_text",
    ),
    (
        'Could you render the sentence "The garden is beautiful in spring" in Japanese?',
        "translate_text",
    ),
    ("Google the best hiking boots of this year for me", "search_web"),
    ("look online for a plumber in Utrecht", "search_web"),
    ("Find me some websites about restoring old radios", "search_web"),
    ("What's in the news today about the rail strike? Have a look on the internet.", "search_web"),
    ("search the internet for reviews of the Fairphone 5", "search_web"),
    ("Could you find links to free sewing patterns online?", "search_web"),
    ("What does https://example.org/opening-hours say?", "read_web_page"),
    ("open www.gardenersworld.com/roses and show me the article", "read_web_page"),
    ("Go to https://blog.example.com/post/17 and give me the text in full", "read_web_page"),
    ("get me the content of this page: https://en.wikipedia.org/wiki/Otter", "read_web_page"),
    ("Please read https://example.edu/paper.pdf and show me the first part", "read_web_page"),
    ("fetch https://news.example.net/strike, I want to read it here", "read_web_page"),
    ("What's the gist of https://en.wikipedia.org/wiki/Byzantine_Empire?", "summarize_web_page"),
    ("tl;dr https://blog.example.com/why-we-moved", "summarize_web_page"),
    (
        "Too long for me, can you boil down the article at https://news.example.net/strike?",
        "summarize_web_page",
    ),
    ("In three sentences, what is https://example.edu/paper.pdf about?", "summarize_web_page"),
    (
        "Give me the main points of this site: https://example.org/climate-report",
        "summarize_web_page",
    ),
    ("key takeaways from www.example.com/essay-on-sleep please", "summarize_web_page"),
    ("Get https://example.org/data.zip onto my computer", "download_file"),
    ("save https://example.com/form.pdf to my files", "download_file"),
    ("wget https://example.net/logo.svg", "download_file"),
    (
        (
            "I need the dataset from https://data.example.org/rain.csv stored locally, could you "
            "fetch it?"
        ),
        "download_file",
    ),
    ("pull down https://example.edu/slides.pptx and put it in my folder", "download_file"),
    ("Please download this for me: https://example.com/song.mp3", "download_file"),
    ("Draw a fox in a snowy forest", "generate_image"),
    ("picture of an astronaut riding a bicycle, oil painting style", "generate_image"),
    ("Could you make me a watercolour of a small harbour at sunrise?", "generate_image"),
    ("I'd love a cartoon dragon eating noodles for my son's birthday card", "generate_image"),
    ("paint me a castle on a cliff with storm clouds", "generate_image"),
    (
        "An illustration for my blog please: a cosy reading corner with a cat on the armchair",
        "generate_image",
    ),
    ("Show me a few other versions of that picture", "vary_image"),
    ("more like the last one please", "vary_image"),
    ("I like the fox, can I get three alternatives of it?", "vary_image"),
    ("Same prompt again but a different result, the image isn't quite it", "vary_image"),
    ("give me another take on the picture you just drew", "vary_image"),
    (
        "Could you do two more tries of the harbour painting without changing what it shows?",
        "vary_image",
    ),
    ("Make the sky in that picture red", "transform_image"),
    ("now the same picture but at night", "transform_image"),
    ("Turn the last image into a pencil sketch", "transform_image"),
    ("Could you give the fox in the drawing you made a green scarf?", "transform_image"),
    ("take the castle image and put it in winter, with snow on the towers", "transform_image"),
    (
        "I like the picture, but the bicycle should be blue instead of yellow. Redo it that way.",
        "transform_image",
    ),
    ("What seed did you use for that picture?", "describe_image_settings"),
    ("which prompt was the fox image made with", "describe_image_settings"),
    (
        "How many steps did the last drawing take and at what size was it made?",
        "describe_image_settings",
    ),
    (
        "I'd like to reproduce the castle picture, tell me all its parameters",
        "describe_image_settings",
    ),
    ("with what guidance value was this image generated", "describe_image_settings"),
    (
        "What exactly was the description you fed in for the harbour painting?",
        "describe_image_settings",
    ),
)
