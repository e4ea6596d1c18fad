using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;

namespace MyIommu;

/// <summary>The model, the driver, and memory between them.</summary>
public sealed class MyMachine : Machine
{
    /// <summary>An option of the command line, for this driver alone.</summary>
    public static readonly TuningOption MostPages = new(
        "most-pages", "PAGES", "From this many pages on, invalidate the whole address space of a my-iommu instead of each page. 0: 64.");

    private readonly MyDriver _driver;
    private readonly MyModel? _model;

    private MyMachine(string name, MachineParts parts, MyModel? model, MyDriver driver)
        : base(name, parts)
    {
        _model = model;
        _driver = driver;
    }

    public override IommuDriver Driver => _driver;

    public override IIommuModel? Hardware => _model;

    /// <summary>Builds one.</summary>
    public static MyMachine Create(string name, MachineSettings settings, bool hasBug)
    {
        MyModel? model = null;
        return MachineParts.Build(
            settings,
            memoryBytes: 1ul << 32,
            isCoherent: false,
            MyRegisters.PurposeOf,
            memory => model = new MyModel(memory.DeviceView),
            parts => new MyMachine(name, parts, model, new MyDriver(
                name, parts.Registers, parts.Cache, parts.Allocator, settings.Tuning[MostPages], hasBug)));
    }

    public override void SettleWrites() => _model?.Settle();

    public override void EvictTranslations() => _model?.Evict();

    protected override (int Reads, int Writes)? SourcesOf(IommuDevice device) => (((MyDevice)device).Id, ((MyDevice)device).Id);
}
