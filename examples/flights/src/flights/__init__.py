"""How late are the flights that leave New York?"""
