using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>The batch of one operation: its descriptors are in the queue, which is held from the beginning of a piece to its end.</summary>
internal struct VtdBatch
{
    /// <summary>The last wait to wait for; 0 if there is none.</summary>
    public ulong Ticket;

    /// <summary>What of the piece is not in the queue yet: everything, where ranges are merged; otherwise for devices alone.</summary>
    public VtdRanges Ranges;

    /// <summary>How many ranges there are.</summary>
    public int Count;

    /// <summary>Where ranges are merged: of which part walk caches forget the way too. It counts while there are ranges.</summary>
    public Interval Way;

    /// <summary>Where ranges are merged: whether all of them follow a map, of which devices know nothing. It counts while there are ranges.</summary>
    public bool IsMap;

    /// <summary>Adds a range, or widens the last one if there is no room.</summary>
    /// <param name="range">The range.</param>
    /// <param name="most">The room.</param>
    public void Add(Interval range, int most)
    {
        if (Count < most)
        {
            Ranges[Count++] = range;
        }
        else
        {
            Ranges[Count - 1] = Ranges[Count - 1].Around(range);
        }
    }
}
