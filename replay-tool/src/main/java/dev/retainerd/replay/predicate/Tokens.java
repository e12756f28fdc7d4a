package dev.retainerd.replay.predicate;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The words of a predicate, one after the other. Not thread-safe. */
final class Tokens {
  private static final int LENGTH_MAX = 10_000;
  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s*(?:(?<text>\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*')|(?<number>-?\\d+(?![\\w:-]))"
              + "|(?<word>[\\w:@/-]+)|(?<sign>==|!=|<=|>=|[<>~()\\[\\].,]))");

  /** One word. */
  record Token(Type type, String text, int at) {}

  /** What a word is. */
  enum Type {
    TEXT,
    NUMBER,
    WORD,
    SIGN,
    END
  }

  private final List<Token> tokens = new ArrayList<>();
  private final String whole;
  private int next;

  Tokens(String whole) {
    this.whole = whole;
    if (whole.length() > LENGTH_MAX) {
      throw new PredicateException("the predicate has more than " + LENGTH_MAX + " characters");
    }
    Matcher matcher = TOKEN.matcher(whole);
    int at = 0;
    while (!whole.substring(at).isBlank()) {
      if (!matcher.find(at) || matcher.start() != at) {
        throw wrong("cannot be read", at);
      }
      tokens.add(token(matcher));
      at = matcher.end();
    }
    tokens.add(new Token(Type.END, "its end", whole.length()));
  }

  private static Token token(Matcher m) {
    if (m.group("text") != null) {
      String text = m.group("text");
      String inner = text.substring(1, text.length() - 1);
      boolean escaped = text.charAt(0) == '"';
      return new Token(
          Type.TEXT, escaped ? inner.replaceAll("\\\\(.)", "$1") : inner, m.start("text"));
    }
    if (m.group("number") != null) {
      return new Token(Type.NUMBER, m.group("number"), m.start("number"));
    }
    if (m.group("word") != null) {
      return new Token(Type.WORD, m.group("word"), m.start("word"));
    }
    return new Token(Type.SIGN, m.group("sign"), m.start("sign"));
  }

  Token peek() {
    return tokens.get(next);
  }

  Token take() {
    Token token = tokens.get(next);
    if (token.type() != Type.END) {
      next++;
    }
    return token;
  }

  /** Takes the word or sign if it comes next. */
  boolean takeIf(String text) {
    Token token = peek();
    boolean plain = token.type() == Type.WORD || token.type() == Type.SIGN;
    if (plain && token.text().equals(text)) {
      next++;
      return true;
    }
    return false;
  }

  void expect(String text) {
    if (!takeIf(text)) {
      throw wrong("\"" + text + "\" is missing before " + peek().text(), peek().at());
    }
  }

  PredicateException wrong(String what, int at) {
    return new PredicateException(
        "the predicate " + whole + " " + what + " (character " + (at + 1) + ")");
  }
}
