using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;

namespace IommuKit.Lab.Machines;

/// <summary>
/// The registers of hardware that has not looked at its queue yet when the write of its doorbell returns: it does so at the latest when software looks
/// whether a wait was answered, or how far the queue is, or changes something about it.
/// </summary>
/// <param name="model">The hardware's registers.</param>
/// <param name="words">The words that it stores.</param>
/// <param name="doorbell">The register of the doorbell.</param>
/// <param name="isOfQueue">
/// Which registers tell how far the queue is, or change something about it. Not those of faults: a handler must not hide that nobody waited.
/// </param>
internal sealed class PostedDoorbell(IMmio model, IStatusWords words, uint doorbell, Predicate<uint> isOfQueue) : IMmio, IStatusWords
{
    private readonly Lock _gate = new();
    private uint? _end;

    public uint Read32(uint offset)
    {
        SettleFor(offset);
        return model.Read32(offset);
    }

    public ulong Read64(uint offset)
    {
        SettleFor(offset);
        return model.Read64(offset);
    }

    public void Write32(uint offset, uint value)
    {
        if (offset == doorbell)
        {
            lock (_gate)
            {
                _end = value;
            }

            return;
        }

        SettleFor(offset);
        model.Write32(offset, value);
    }

    public void Write64(uint offset, ulong value)
    {
        SettleFor(offset);
        model.Write64(offset, value);
    }

    public bool HasReached(ulong physicalAddress, uint value)
    {
        // Whatever stored the number there: who sees it does not wait.
        if (words.HasReached(physicalAddress, value))
        {
            return true;
        }

        Settle();
        return words.HasReached(physicalAddress, value);
    }

    private void SettleFor(uint offset)
    {
        if (isOfQueue(offset))
        {
            Settle();
        }
    }

    /// <summary>Lets the hardware work off its queue.</summary>
    public void Settle()
    {
        // Under the lock, so that the end never goes back; it may call the driver, on this thread.
        lock (_gate)
        {
            if (_end is { } end)
            {
                _end = null;
                model.Write32(doorbell, end);
            }
        }
    }
}
