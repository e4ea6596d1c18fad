using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>The batch of one operation: its descriptors are in the queue, which is held from the beginning of a piece to its end.</summary>
internal struct VtdBatch
{
    /// <summary>The last wait to wait for; 0 if there is none.</summary>
    public ulong Ticket;

    /// <summary>Where ranges are merged: around what the piece changed so far, if <see cref="HasRange"/>.</summary>
    public Interval Range;

    /// <summary>Whether there is a range.</summary>
    public bool HasRange;

    /// <summary>Whether pointers to tables changed in it.</summary>
    public bool ChangesTables;
}
