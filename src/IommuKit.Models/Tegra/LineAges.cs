namespace IommuKit.Models.Tegra;

/// <summary>The lines of a TLB from the oldest to the newest: a ring of two links for each, with an end that is no line.</summary>
internal sealed class LineAges
{
    private readonly int[] _newer;
    private readonly int[] _older;
    private readonly int _end;

    public LineAges(int lines)
    {
        _end = lines;
        _newer = new int[lines + 1];
        _older = new int[lines + 1];
        SortBy(new long[lines]);
    }

    /// <summary>The oldest of the first lines; there has to be one.</summary>
    public int Oldest(int lines)
    {
        int line = _newer[_end];
        while (line >= lines)
        {
            line = _newer[line];
        }

        return line;
    }

    public void MakeNewest(int line)
    {
        Join(_older[line], _newer[line]);
        Append(line);
    }

    /// <summary>Orders all lines anew by when each was filled or used; of two at the same time, the one with the lower number is older.</summary>
    public void SortBy(ReadOnlySpan<long> stamps)
    {
        Join(_end, _end);
        int[] lines = new int[stamps.Length];
        long[] keys = stamps.ToArray();
        for (int line = 0; line < lines.Length; line++)
        {
            lines[line] = line;
        }

        // Stable for the ties of lines that were never used: by number.
        Array.Sort(lines, (left, right) => keys[left] != keys[right] ? keys[left].CompareTo(keys[right]) : left.CompareTo(right));
        foreach (int line in lines)
        {
            Append(line);
        }
    }

    private void Append(int line)
    {
        Join(_older[_end], line);
        Join(line, _end);
    }

    private void Join(int older, int newer)
    {
        _newer[older] = newer;
        _older[newer] = older;
    }
}
