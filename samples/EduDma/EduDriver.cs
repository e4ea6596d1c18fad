using System.Diagnostics;
using IommuKit.Dma;
using IommuKit.Specs.Mmio;

namespace EduDma;

/// <summary>
/// A driver in user space for QEMU's teaching device "edu": it copies between memory and 4 KiB of its own. It knows registers, buffers and an interrupt,
/// and not whether they are of a device or of a model.
/// </summary>
/// <param name="registers">The device's registers.</param>
/// <param name="interrupt">Ends when the device has raised its interrupt; null to ask the device instead.</param>
public sealed class EduDriver(IMmio registers, Func<Task>? interrupt = null)
{
    /// <summary>The last IOVA that the device reaches: 28 bits.</summary>
    public const ulong LastIova = (1 << 28) - 1;

    /// <summary>The most bytes of one transfer: with all 4,096 QEMU 7.2 ends.</summary>
    public const int MostBytes = 4095;

    private const uint Identification = 0x00;
    private const uint InterruptStatus = 0x24;
    private const uint InterruptAcknowledge = 0x64;
    private const uint Source = 0x80;
    private const uint Destination = 0x88;
    private const uint Count = 0x90;
    private const uint Command = 0x98;
    private const ulong OwnMemory = 0x4_0000;
    private const uint Start = 1;
    private const uint FromDevice = 2;
    private const uint RaisesInterrupt = 4;

    private static readonly TimeSpan s_mostTime = TimeSpan.FromSeconds(30);

    /// <summary>Whether the device is what it should be: its low half is the same in all versions.</summary>
    public bool IsThere => (registers.Read32(Identification) & 0xff) == 0xed;

    /// <summary>Has the device read memory.</summary>
    /// <param name="iova">Where.</param>
    /// <param name="count">Bytes, at most <see cref="MostBytes"/>.</param>
    public Task SendAsync(ulong iova, int count) => TransferAsync(iova, OwnMemory, count, 0);

    /// <summary>Has the device write memory: what it read last.</summary>
    /// <inheritdoc cref="SendAsync"/>
    public Task ReceiveAsync(ulong iova, int count) => TransferAsync(OwnMemory, iova, count, FromDevice);

    private async Task TransferAsync(ulong source, ulong destination, int count, uint direction)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MostBytes);
        registers.Write64(Source, source);
        registers.Write64(Destination, destination);
        registers.Write32(Count, (uint)count);
        registers.Write32(Command, Start | direction | (interrupt is null ? 0 : RaisesInterrupt));
        if (interrupt is not null)
        {
            await interrupt().WaitAsync(s_mostTime);
            registers.Write32(InterruptAcknowledge, registers.Read32(InterruptStatus));
        }

        long begin = Stopwatch.GetTimestamp();
        while ((registers.Read32(Command) & Start) != 0)
        {
            if (Stopwatch.GetElapsedTime(begin) > s_mostTime)
            {
                throw new TimeoutException("The device does not end its transfer.");
            }

            await Task.Delay(1);
        }
    }
}
