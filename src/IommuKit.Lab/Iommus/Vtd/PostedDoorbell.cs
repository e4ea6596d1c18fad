using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>
/// The registers of a unit that has not looked at its queue yet when the write of the tail returns: it does so at the latest when software looks
/// whether a wait was answered, or how far the queue is, or changes something about it.
/// </summary>
/// <param name="model">The unit's registers.</param>
/// <param name="words">The words that it stores.</param>
internal sealed class PostedDoorbell(IMmio model, IStatusWords words) : IMmio, IStatusWords
{
    private readonly object _gate = new();
    private uint? _tail;

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
        if (offset == VtdRegister.QueueTail)
        {
            lock (_gate)
            {
                _tail = value;
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
        Settle();
        return words.HasReached(physicalAddress, value);
    }

    // A fault's handler must not hide that nobody waited.
    private void SettleFor(uint offset)
    {
        if (offset is VtdRegister.GlobalCommand or >= VtdRegister.QueueHead and < VtdRegister.CompletionStatus)
        {
            Settle();
        }
    }

    /// <summary>Lets the unit work off its queue.</summary>
    public void Settle()
    {
        // Under the lock, so that the tail never goes back; the unit may call the driver, on this thread.
        lock (_gate)
        {
            if (_tail is { } tail)
            {
                _tail = null;
                model.Write32(VtdRegister.QueueTail, tail);
            }
        }
    }
}
