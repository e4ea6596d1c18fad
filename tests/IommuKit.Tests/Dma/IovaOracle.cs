namespace IommuKit.Tests.Dma;

/// <summary>A space as a list of granules that are free or not, searched one by one.</summary>
internal sealed class IovaOracle(int first, int last)
{
    private readonly bool[] _taken = new bool[last + 1];

    /// <summary>The place that the highest free range gives that has room for length and alignment together, or for an aligned block.</summary>
    public int? Find(int length, int alignment, int offset, int limit)
    {
        int end = Math.Min(limit, last);
        while (end >= first)
        {
            while (end >= first && _taken[end])
            {
                end--;
            }

            int start = end;
            while (start >= first && !_taken[start])
            {
                start--;
            }

            start++;
            if (start <= end && Fits(start, end, length, alignment, offset))
            {
                int place = end - length + 1;
                while (place % alignment != offset)
                {
                    place--;
                }

                return place;
            }

            end = start - 1;
        }

        return null;
    }

    public void Take(int start, int length)
    {
        for (int i = start; i < start + length; i++)
        {
            _taken[i].ShouldBeFalse($"granule {i} is handed out twice");
            _taken[i] = true;
        }
    }

    public void Return(int start, int length) => Array.Fill(_taken, false, start, length);

    public List<(ulong Start, ulong Length)> FreeRanges()
    {
        var ranges = new List<(ulong, ulong)>();
        for (int i = first; i <= last; i++)
        {
            if (_taken[i])
            {
                continue;
            }

            int start = i;
            while (i <= last && !_taken[i])
            {
                i++;
            }

            ranges.Add(((ulong)start, (ulong)(i - start)));
        }

        return ranges;
    }

    private static bool Fits(int start, int end, int length, int alignment, int offset)
    {
        int free = end - start + 1;
        if (free >= length + alignment - 1)
        {
            return true;
        }

        int block = (start + alignment - 1) / alignment * alignment;
        return offset == 0 && alignment >= length && block + alignment - 1 <= end;
    }
}
