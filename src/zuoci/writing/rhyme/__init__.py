"""How lines rhyme: rhyme groups of Chinese and English, rhyme schemes, and what a line may end with."""
