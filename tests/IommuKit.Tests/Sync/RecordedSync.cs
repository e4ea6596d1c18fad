using IommuKit.Domains;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Sync;

/// <summary>Domains over hardware with given traits that writes down what it is asked for.</summary>
public abstract class RecordedSync : IDisposable
{
    protected const Protection ReadWrite = Protection.Read | Protection.Write;
    protected const ulong Page = 4096;
    protected const ulong Span = 2 << 20;

    private protected static readonly IommuTraits Coherent = RecordingDriver.TraitsOf(isCoherent: true, cachesInvalid: false, tableCacheLine: 0);
    private protected static readonly IommuTraits NotCoherent = RecordingDriver.TraitsOf(isCoherent: false, cachesInvalid: false, tableCacheLine: 0);
    private protected static readonly IommuTraits CachingAll = RecordingDriver.TraitsOf(isCoherent: false, cachesInvalid: true, tableCacheLine: 64);

    private readonly PhysicalMemory _memory = new(4 << 20, isCoherent: true);

    public void Dispose()
    {
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected IommuDomain Make(
        IommuTraits traits, SyncPolicy policy, out HardwareLog log, out PageAllocator allocator, TableRelease? release = null) =>
        Make(traits, new DomainOptions { Policy = policy, Release = release, Clock = new ManualClock() }, out log, out allocator);

    private protected IommuDomain Make(IommuTraits traits, DomainOptions options, out HardwareLog log, out PageAllocator allocator)
    {
        var driver = new RecordingDriver(traits);
        log = driver.Log;
        return driver.CreateDomain(_memory, options, out allocator);
    }
}
