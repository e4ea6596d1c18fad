using System.Diagnostics;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Vtd;

namespace IommuKit.Drivers.Vtd;

/// <summary>GCMD and GSTS: one command at a time, each with all that is on.</summary>
internal sealed class VtdGlobalCommands(IMmio registers)
{
    // Done once; the status stays.
    private const uint OneShot = VtdRegister.GlobalBits.SetRootTable | VtdRegister.GlobalBits.SetInterruptTable | VtdRegister.GlobalBits.WriteBufferFlush;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private uint _on;

    /// <summary>Takes over what is on already.</summary>
    public void TakeOver() => _on = registers.Read32(VtdRegister.GlobalStatus) & ~OneShot;

    /// <summary>Whether something is on.</summary>
    public bool IsOn(uint bit) => (_on & bit) != 0;

    /// <summary>Switches something on, or has something done once.</summary>
    /// <exception cref="IommuException">The hardware does not answer (EIO).</exception>
    public void Set(uint bit)
    {
        lock (_lock)
        {
            _on |= bit & ~OneShot;
            Command(_on | bit, bit, (bit & VtdRegister.GlobalBits.WriteBufferFlush) == 0 ? bit : 0);
        }
    }

    /// <summary>Switches something off.</summary>
    /// <exception cref="IommuException">The hardware does not answer (EIO).</exception>
    public void Clear(uint bit)
    {
        lock (_lock)
        {
            _on &= ~bit;
            Command(_on, bit, 0);
        }
    }

    private void Command(uint value, uint bit, uint expected)
    {
        registers.Write32(VtdRegister.GlobalCommand, value);
        if ((registers.Read32(VtdRegister.GlobalStatus) & bit) == expected)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while ((registers.Read32(VtdRegister.GlobalStatus) & bit) != expected)
        {
            if (Stopwatch.GetElapsedTime(start) > Patience)
            {
                throw new IommuException(IommuError.EIO, $"The unit did not do global command 0x{bit:x}.");
            }

            spin.SpinOnce();
        }
    }
}
