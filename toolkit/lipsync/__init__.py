"""Whether a mouth moves as the audio says, judged from landmarks: by phones, or by what other mouths do."""
