"""The formats of lyrics: one file a format, recognised by what a file holds, and what they have in common.

`recognise` finds the format of a file and calls its reader. Each reader turns a file into a `Document`, most of them
through `lyrics.clean_song`: credits (`credits`), section marks (`sections`), the frame of lyric sites (`sites`), and
what stands around sung words (`ornaments`) are taken out of the lines, and remembered with their line numbers.
"""
