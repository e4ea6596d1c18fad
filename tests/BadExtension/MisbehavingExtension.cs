using IommuKit.Checker;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;
using MyIommu;

namespace BadExtension;

/// <summary>Does wrong what the name of its file says.</summary>
public sealed class MisbehavingExtension : IIommuKitExtension
{
    private readonly string _wrong = Path.GetFileNameWithoutExtension(typeof(MisbehavingExtension).Assembly.Location);

    public MisbehavingExtension() => ThrowIf("constructor");

    public IEnumerable<IommuKind> Kinds
    {
        get
        {
            ThrowIf("kinds");
            return _wrong switch
            {
                "null" => [null!],
                "name" => [Kind("bad, worse")],
                "taken" => [Kind("tegra210")],
                "option" => [Kind("bad") with { Tuning = [new TuningOption("costs", "N", "taken")] }],
                _ => [Kind("bad")],
            };
        }
    }

    public IEnumerable<CheckTarget> Targets =>
    [
        CheckTarget.Of<MyFormat>(
            "bad",
            new MachinePlan(Kind("bad"), new ShadowTraits { HasCoherentWalk = false, CachesInvalidEntries = false }, (_, _) => new BadDecoder()),
            inputBits: 32),
    ];

    private IommuKind Kind(string name) => new(name, "bad", settings =>
    {
        ThrowIf("create");
        return MyMachine.Create(name, settings, hasBug: false);
    });

    private void ThrowIf(string wrong)
    {
        if (_wrong == wrong)
        {
            throw new InvalidOperationException($"no luck with {wrong}");
        }
    }
}
