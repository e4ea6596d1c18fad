namespace IommuKit.Dma;

/// <summary>A part of memory that a device sees a copy of.</summary>
/// <param name="Slot">Where the copy is; whole granules.</param>
/// <param name="SlotOffset">Where in it the part begins.</param>
/// <param name="Start">Where in the memory it begins.</param>
/// <param name="Length">Bytes; 0 if there is none.</param>
internal readonly record struct BouncedPart(DmaMemory Slot, ulong SlotOffset, ulong Start, ulong Length)
{
    /// <summary>Zeros what is around the part in its granules, and copies it.</summary>
    /// <param name="data">The memory.</param>
    /// <param name="mask">A granule's size less 1.</param>
    public void Fill(ReadOnlySpan<byte> data, ulong mask)
    {
        if (Length == 0)
        {
            return;
        }

        ulong end = SlotOffset + Length;
        Zero(0, SlotOffset);
        Zero(end, ((end + mask) & ~mask) - end);
        CopyIn(data, Start, Length);
    }

    /// <summary>Copies what of some bytes of the memory is in the part to where the device sees it.</summary>
    public void CopyIn(ReadOnlySpan<byte> data, ulong offset, ulong length)
    {
        if (TryClip(offset, length, out ulong first, out int count))
        {
            data.Slice((int)first, count).CopyTo(Slot.Span(SlotOffset + (first - Start), count));
        }
    }

    /// <summary>The other way.</summary>
    public void CopyOut(Span<byte> data, ulong offset, ulong length)
    {
        if (TryClip(offset, length, out ulong first, out int count))
        {
            Slot.Span(SlotOffset + (first - Start), count).CopyTo(data[(int)first..]);
        }
    }

    private void Zero(ulong offset, ulong length)
    {
        if (length != 0)
        {
            Slot.Span(offset, (int)length).Clear();
        }
    }

    private bool TryClip(ulong offset, ulong length, out ulong first, out int count)
    {
        first = Math.Max(offset, Start);
        ulong end = Math.Min(offset + length, Start + Length);
        count = first < end ? (int)(end - first) : 0;
        return count != 0;
    }
}
