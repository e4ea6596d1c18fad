namespace IommuKit.Linux;

/// <summary>Orders names as people do: dmar2 before dmar10.</summary>
internal static class NumberedNames
{
    public static IComparer<string> Comparer { get; } = Comparer<string>.Create(Compare);

    private static int Compare(string? left, string? right)
    {
        var a = left.AsSpan();
        var b = right.AsSpan();
        while (!a.IsEmpty && !b.IsEmpty)
        {
            int order;
            int usedA = 1;
            int usedB = 1;
            if (char.IsAsciiDigit(a[0]) && char.IsAsciiDigit(b[0]))
            {
                usedA = Digits(a);
                usedB = Digits(b);
                var numberA = a[..usedA].TrimStart('0');
                var numberB = b[..usedB].TrimStart('0');
                order = numberA.Length != numberB.Length ? numberA.Length - numberB.Length : numberA.SequenceCompareTo(numberB);
            }
            else
            {
                order = a[0] - b[0];
            }

            if (order != 0)
            {
                return order;
            }

            a = a[usedA..];
            b = b[usedB..];
        }

        return a.Length != b.Length ? a.Length - b.Length : string.CompareOrdinal(left, right);
    }

    private static int Digits(ReadOnlySpan<char> text) => text.IndexOfAnyExceptInRange('0', '9') is >= 0 and int end ? end : text.Length;
}
