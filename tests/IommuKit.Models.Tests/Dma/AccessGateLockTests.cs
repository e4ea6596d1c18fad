using System.Runtime.CompilerServices;
using IommuKit.Models.Dma;

namespace IommuKit.Models.Tests.Dma;

/// <summary>Two threads that come to a gate for the first time are both known to it.</summary>
public class AccessGateLockTests
{
    [Fact]
    public void The_first_access_of_a_thread_waits()
    {
        var gate = new AccessGate();
        HeldLock.ShouldStop(Registration(gate), () => gate.Enter().Dispose());
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_registration")]
    private static extern ref Lock Registration(AccessGate gate);
}
