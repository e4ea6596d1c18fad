using System.Runtime.CompilerServices;
using IommuKit.Drivers.Software;
using IommuKit.Specs.Memory;

namespace IommuKit.Tests.Drivers;

/// <summary>The two ends of what has to be cleaned again change together.</summary>
public class WalkerLinkLockTests
{
    private readonly WalkerLink _link = new(new SoftwareIommuOptions { InputBits = 48, OutputBits = 40, Cache = new BrokenCache() });

    [Fact]
    public void Noting_what_was_not_cleaned_waits() => HeldLock.ShouldStop(Gate(_link), () => _link.Clean(0, 64));

    [Fact]
    public void Taking_what_has_to_be_cleaned_again_waits()
    {
        _link.Barrier();
        HeldLock.ShouldStop(Gate(_link), _link.TellAll);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_gate")]
    private static extern ref Lock Gate(WalkerLink link);

    private sealed class BrokenCache : ICpuCache
    {
        public int LineSize => 64;

        public void Clean(ulong physicalAddress, ulong length) => throw new IOException();

        public void Barrier() => throw new IOException();
    }
}
